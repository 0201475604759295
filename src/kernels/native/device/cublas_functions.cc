// Looks up the functions of cuBLASLt.
#include "cublas_functions.h"

#include "library_search.h"

namespace spikeship::device::cublas {
namespace {

bool load(const OpenLibrary& library, Functions& f) {
  const auto get = [&](auto& function, const char* name) { return library.find(function, name); };
  return get(f.create, "cublasLtCreate") && get(f.status_string, "cublasLtGetStatusString") &&
         get(f.operation_create, "cublasLtMatmulDescCreate") && get(f.operation_destroy, "cublasLtMatmulDescDestroy") &&
         get(f.operation_set, "cublasLtMatmulDescSetAttribute") && get(f.layout_create, "cublasLtMatrixLayoutCreate") &&
         get(f.layout_destroy, "cublasLtMatrixLayoutDestroy") && get(f.layout_set, "cublasLtMatrixLayoutSetAttribute") &&
         get(f.preference_create, "cublasLtMatmulPreferenceCreate") && get(f.preference_destroy, "cublasLtMatmulPreferenceDestroy") &&
         get(f.preference_set, "cublasLtMatmulPreferenceSetAttribute") && get(f.heuristics, "cublasLtMatmulAlgoGetHeuristic") &&
         get(f.matmul, "cublasLtMatmul");
}

}  // namespace

const Functions* functions() {
  static Functions loaded;
  static const bool found = load(OpenLibrary::get(Library::cublas_lt), loaded);
  return found ? &loaded : nullptr;
}

}  // namespace spikeship::device::cublas
