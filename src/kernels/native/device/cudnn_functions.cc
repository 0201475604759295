// Looks up the functions of cuDNN.
#include "cudnn_functions.h"

#include "library_search.h"

namespace spikeship::device::cudnn {
namespace {

bool load(const OpenLibrary& library, Functions& f) {
  const auto get = [&](auto& function, const char* name) { return library.find(function, name); };
  return get(f.create, "cudnnCreate") && get(f.set_stream, "cudnnSetStream") && get(f.status_string, "cudnnGetErrorString") &&
         get(f.create_descriptor, "cudnnBackendCreateDescriptor") && get(f.destroy_descriptor, "cudnnBackendDestroyDescriptor") &&
         get(f.finalize, "cudnnBackendFinalize") && get(f.set, "cudnnBackendSetAttribute") && get(f.get, "cudnnBackendGetAttribute") &&
         get(f.execute, "cudnnBackendExecute");
}

}  // namespace

const Functions* functions() {
  static Functions loaded;
  static const bool found = load(OpenLibrary::get(Library::cudnn), loaded);
  return found ? &loaded : nullptr;
}

}  // namespace spikeship::device::cudnn
