// Compiled programs on disk, found by a hash of everything they were made from: below $XDG_CACHE_HOME/spikeship or ~/.cache/spikeship.
// Several processes may use it at once. A folder that cannot be used is no error: then nothing is kept.
#pragma once

#include <string>

namespace spikeship::device {

class ProgramCache {
 public:
  // `key`: everything that the program depends on.
  explicit ProgramCache(const std::string& key);
  // The program, or nothing: it was never written, or not as it was meant.
  std::string read() const;
  void write(const std::string& program) const;

 private:
  std::string folder_, file_;
};

}  // namespace spikeship::device
