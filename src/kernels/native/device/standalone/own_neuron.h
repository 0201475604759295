// A neuron as a user's definition is printed (`neuronProgram` in src/model/neurons), to be compiled at run time: the equations of
// LIFNode.hard0.input.full, so that there is something to compare with.
#pragma once

namespace spikeship::standalone {

inline constexpr const char* own_neuron_text = R"SPIKESHIP(struct Forward {
  using Register = float;
  static constexpr bool is_half = false;
  static constexpr bool is_grid = false;
  static constexpr int parameters = 3;
  static constexpr int states = 1;
  static constexpr int stored = 1;
  static constexpr bool fires = true;
  float keep;
  float rate;
  float vThreshold;
  NEURON_CONSTRUCTOR explicit Forward(const double* p) : keep(static_cast<float>(p[0])), rate(static_cast<float>(p[1])), vThreshold(static_cast<float>(p[2])) {}
  NEURON_WORD void step(float x, const Register* state, Register* next, Register* charged, float& spike) const {
    const float t1 = x * rate;
    const float t2 = state[0] * keep;
    const float t3 = t2 + t1;
    const float t4 = t3 >= vThreshold ? 1.0f : 0.0f;
    const float t5 = 1.0f - t4;
    const float t6 = t3 * t5;
    next[0] = t6;
    charged[0] = t3;
    spike = t4;
  }
};

struct Backward {
  using Register = float;
  static constexpr bool is_half = false;
  static constexpr bool is_grid = false;
  static constexpr int parameters = 3;
  static constexpr int states = 1;
  static constexpr int stored = 1;
  static constexpr bool fires = true;
  static constexpr bool reads_x = false;
  static constexpr int reads_stored = 1;
  static constexpr int reads_states = 0;
  static constexpr int learned = 0, learned_index[] = {-1};
  float keep;
  float rate;
  float vThreshold;
  NEURON_CONSTRUCTOR explicit Backward(const double* p) : keep(static_cast<float>(p[0])), rate(static_cast<float>(p[1])), vThreshold(static_cast<float>(p[2])) {}
  NEURON_WORD void restore(const Register* charged, Register* state) const {
  }
  NEURON_WORD void argument(const Register* charged, float& argument) const {
    const float t4 = charged[0] - vThreshold;
    argument = t4;
  }
  NEURON_WORD void step(float x, const Register* state, const Register* charged, float slope, float g_spike, const float* g_next, const float* g_charged, float& g_x, float* g_state, float* g_parameter) const {
    const float t5 = charged[0] >= vThreshold ? 1.0f : 0.0f;
    const float t6 = 1.0f - t5;
    const float t7 = -slope;
    const float t9 = t7 * charged[0];
    const float t10 = t6 + t9;
    const float t11 = slope * g_spike;
    const float t12 = t10 * g_next[0];
    const float t13 = t11 + t12;
    const float t14 = t13 + g_charged[0];
    const float t15 = keep * t14;
    const float t16 = rate * t14;
    g_x = t16;
    g_state[0] = t15;
  }
};
)SPIKESHIP";
inline constexpr const char* own_neuron_equal = "LIFNode.hard0.input.full";

}  // namespace spikeship::standalone
