// The derivative of the surrogate function by its place in the generated list. All threads of a call take the same way. Included into
// the namespace of the including file, after the generated neurons.

enum SurrogatePlace : int {
#define SPIKESHIP_ROW(name, Function, parameters) place_of_##Function,
  SPIKESHIP_SURROGATES(SPIKESHIP_ROW)
#undef SPIKESHIP_ROW
  no_surrogate
};

// Primitives ("ATan.primitive") stand in the same list; backward never needs one.
constexpr bool is_derivative(const char* name) {
  for (; *name != '\0'; name++) {
    if (*name == '.') return false;
  }
  return true;
}

template <class Function, bool wanted, int width>
DEVICE_CODE void slopes_by(const float* numbers, float (&values)[width]) {
  if constexpr (wanted) {
    const Function function = *reinterpret_cast<const Function*>(numbers);
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) values[j] = function(values[j]);
  }
}

// Arguments become slopes.
template <int width>
DEVICE_CODE void surrogate_slopes(int place, const float* numbers, float (&values)[width]) {
  switch (place) {
#define SPIKESHIP_ROW(name, Function, parameters) \
  case place_of_##Function: return slopes_by<Function, is_derivative(name)>(numbers, values);
    SPIKESHIP_SURROGATES(SPIKESHIP_ROW)
#undef SPIKESHIP_ROW
  }
}
