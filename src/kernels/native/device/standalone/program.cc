// Made-up data, comparison and counting.
#include "program.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "../../failure.h"

namespace spikeship::standalone {

namespace {

// The check that is under way, for the signal that ends the program: a kernel that hangs or crashes is to be known by its name.
char under_way[200] = "\nbefore the first check\n";

void tell_and_end(int signal) {
  if (write(STDERR_FILENO, under_way, std::strlen(under_way)) < 0) _exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

Report::Report() {
  // What failed is to be seen also where the program does not come to its end.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  for (const int signal : {SIGTERM, SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) std::signal(signal, tell_and_end);
}

void Report::check(const std::string& title, const std::function<std::string()>& body) {
  std::snprintf(under_way, sizeof under_way, "\nended in the check: %s\n", title.c_str());
  std::string wrong;
  try {
    wrong = body();
  } catch (const Failure& failure) {
    wrong = failure.where + ": expected " + failure.expected + ", got " + failure.got;
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  if (wrong.empty()) {
    passed_++;
    return;
  }
  failed_++;
  std::printf("FAILED  %s: %s\n", title.c_str(), wrong.c_str());
}

int Report::finish() const {
  std::printf("%zu passed, %zu failed\n", passed_, failed_);
  return failed_ == 0 ? 0 : 1;
}

std::vector<float> noise(size_t count, uint32_t seed, float low, float high) {
  std::vector<float> values(count);
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (float& value : values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    value = low + (high - low) * static_cast<float>(state >> 40) * 0x1p-24f;
  }
  return values;
}

std::vector<float> spikes(size_t count, uint32_t seed, double rate) {
  std::vector<float> values = noise(count, seed, 0.0f, 1.0f);
  for (float& value : values) value = value < rate ? 1.0f : 0.0f;
  return values;
}

namespace {

bool same(float a, float b) {
  if (a != a && b != b) return true;
  return std::memcmp(&a, &b, sizeof a) == 0;
}

std::string at(size_t index, float got, float expected) {
  char text[128];
  std::snprintf(text, sizeof text, "element %zu is %.9g, expected %.9g", index, static_cast<double>(got), static_cast<double>(expected));
  return text;
}

}  // namespace

std::string difference(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) return std::to_string(got.size()) + " elements, expected " + std::to_string(expected.size());
  for (size_t i = 0; i < got.size(); i++) {
    if (!same(got[i], expected[i])) return at(i, got[i], expected[i]);
  }
  return "";
}

std::string distance(const std::vector<float>& got, const std::vector<float>& expected, double tolerance) {
  if (got.size() != expected.size()) return std::to_string(got.size()) + " elements, expected " + std::to_string(expected.size());
  double largest = 1;
  for (const float value : expected) largest = std::fmax(largest, std::fabs(static_cast<double>(value)));
  for (size_t i = 0; i < got.size(); i++) {
    if (!(std::fabs(static_cast<double>(got[i]) - static_cast<double>(expected[i])) <= tolerance * largest)) return at(i, got[i], expected[i]);
  }
  return "";
}

}  // namespace spikeship::standalone
