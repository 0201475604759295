// Files are written beside their place and then renamed, so that a reader sees a whole file or none.
#include "program_cache.h"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace spikeship::device {
namespace {

// FNV-1a with 64 bits (Fowler, Noll and Vo), from two beginnings: 128 bits of it.
uint64_t hashed(const std::string& text, uint64_t value) {
  for (const char letter : text) value = (value ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  return value;
}

std::string digits(uint64_t value) {
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[value >> shift & 15];
  return text;
}

std::string hash_of(const std::string& text) {
  return digits(hashed(text, 0xcbf29ce484222325u)) + digits(hashed(text, 0x9ae16a3b2f90404fu));
}

std::string folder() {
  const char* chosen = std::getenv("XDG_CACHE_HOME");
  if (chosen != nullptr && chosen[0] == '/') return std::string(chosen) + "/spikeship";
  const char* home = std::getenv("HOME");
  return home == nullptr || home[0] != '/' ? "" : std::string(home) + "/.cache/spikeship";
}

}  // namespace

ProgramCache::ProgramCache(const std::string& key) : folder_(folder()), file_(folder_ + "/neuron-" + hash_of(key)) {}

// A file is the hash of the program and then the program: a disk that was full leaves no program behind that is cut off.
std::string ProgramCache::read() const {
  if (folder_.empty()) return "";
  std::ifstream file(file_, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  constexpr size_t head = 32;
  if (all.size() <= head) return "";
  std::string program = all.substr(head);
  return all.compare(0, head, hash_of(program)) == 0 ? program : "";
}

void ProgramCache::write(const std::string& program) const {
  if (folder_.empty()) return;
  static std::atomic<unsigned> written{0};
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  const std::string beside = file_ + "." + std::to_string(getpid()) + "." + std::to_string(written++);
  std::ofstream file(beside, std::ios::binary);
  file << hash_of(program) << program;
  file.close();
  if (file.good()) std::filesystem::rename(beside, file_, error);
  if (!file.good() || error) std::filesystem::remove(beside, error);
}

}  // namespace spikeship::device
