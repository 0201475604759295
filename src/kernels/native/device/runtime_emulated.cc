// The emulated device: ordinary memory, work done at once, two devices. Its memory is limited (SPIKESHIP_EMULATED_BYTES) so that an
// exhausted device can be tried, and freshly taken memory is filled with NaN so that a kernel that reads what nobody wrote is seen.
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "../failure.h"
#include "device_runtime.h"
#include "device_words.h"

namespace spikeship::device {
namespace {

constexpr int device_count = 2;

size_t limit() {
  const char* wanted = std::getenv("SPIKESHIP_EMULATED_BYTES");
  return wanted == nullptr ? size_t{4} << 30 : static_cast<size_t>(std::strtoull(wanted, nullptr, 10));
}

size_t taken_bytes = 0;
std::map<void*, size_t> taken;

void* take(size_t bytes) {
  if (bytes > limit() - std::min(limit(), taken_bytes)) return nullptr;
  void* block = std::aligned_alloc(512, (bytes + 511) / 512 * 512);
  if (block == nullptr) return nullptr;
  std::memset(block, 0xff, bytes);
  taken[block] = bytes;
  taken_bytes += bytes;
  return block;
}

void give_back(void* block) {
  taken_bytes -= taken.at(block);
  taken.erase(block);
  std::free(block);
}

void sizes(size_t& total, size_t& free) {
  total = limit();
  free = limit() - std::min(limit(), taken_bytes);
}

using Work = std::function<void()>;

int current = 0;
bool recording = false;
std::vector<Work> recorded;
std::map<uint64_t, std::vector<Work>> graphs;
uint64_t last_graph = 0;

}  // namespace

bool capturing() { return recording; }

void record(void (*run)(const void* work), const void* work, size_t bytes) {
  const auto kept = std::make_shared<std::vector<char>>(static_cast<const char*>(work), static_cast<const char*>(work) + bytes);
  recorded.push_back([run, kept] { run(kept->data()); });
}

DeviceCache& cache() {
  static DeviceCache caches[device_count] = {DeviceCache({take, give_back, sizes}), DeviceCache({take, give_back, sizes})};
  return caches[current];
}

std::vector<DeviceInfo> devices(std::string&) {
  size_t total = 0, free = 0;
  sizes(total, free);
  const DeviceInfo one{"emulated device", "emulated", static_cast<double>(total), static_cast<double>(free), 1};
  return {one, one};
}

std::string driver() { return "none (emulated on the CPU)"; }
void use(int device) { current = device; }

void upload(void* to, const void* host, size_t bytes) {
  refuse_in_capture("upload");
  std::memcpy(to, host, bytes);
}

void download(const void* from, void* host, size_t bytes) {
  refuse_in_capture("download");
  std::memcpy(host, from, bytes);
}

void copy(const void* from, void* to, size_t bytes) {
  if (recording) recorded.push_back([=] { std::memmove(to, from, bytes); });
  else std::memmove(to, from, bytes);
}

void copy_between(int, const void* from, int, void* to, size_t bytes) {
  refuse_in_capture("copy between devices");
  std::memcpy(to, from, bytes);
}

void synchronize() {}

void begin_capture() {
  refuse_in_capture("begin of a capture");
  recording = true;
  recorded.clear();
  cache().begin_capture();
}

uint64_t end_capture() {
  recording = false;
  graphs[++last_graph] = std::move(recorded);
  cache().end_capture(last_graph);
  return last_graph;
}

void abort_capture() {
  recording = false;
  recorded.clear();
  cache().end_capture(0);
}

void replay(uint64_t graph) {
  const auto found = graphs.find(graph);
  if (found == graphs.end()) throw Failure{"STATE", "replay", "a recorded graph", std::to_string(graph), ""};
  for (const Work& work : found->second) work();
}

void forget(uint64_t graph) {
  if (graphs.erase(graph) > 0) cache().forget(graph);
}

}  // namespace spikeship::device
