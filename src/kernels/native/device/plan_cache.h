// Plans of a library by what they are for. Making one costs tens of microseconds to seconds; a training step asks for the same ones
// again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <list>
#include <map>
#include <utility>
#include <vector>

namespace spikeship::device {

// What identifies a plan: sizes, flags, types.
using PlanKey = std::vector<int64_t>;

template <class Plan>
class PlanCache {
 public:
  // The plan of this key; `make()` is called the first time. What lies unused longest is given up first, but never a plan that a graph
  // has `recorded`: with a plan go the kernels that were compiled for it, and the graph would start what is no longer there.
  template <class Make>
  Plan& find(PlanKey key, bool recorded, Make make) {
    if (const auto found = index_.find(key); found != index_.end()) {
      recent_.splice(recent_.begin(), recent_, found->second);
    } else {
      recent_.push_front({key, make(), false});
      index_.emplace(std::move(key), recent_.begin());
    }
    recent_.front().recorded |= recorded;
    if (recent_.size() > most_plans) give_up_oldest();
    return recent_.front().plan;
  }

 private:
  static constexpr size_t most_plans = 512;
  struct Entry {
    PlanKey key;
    Plan plan;
    bool recorded;
  };

  void give_up_oldest() {
    for (auto entry = std::prev(recent_.end()); entry != recent_.begin(); --entry) {
      if (entry->recorded) continue;
      index_.erase(entry->key);
      recent_.erase(entry);
      return;
    }
  }

  std::list<Entry> recent_;  // most recently used first
  std::map<PlanKey, typename std::list<Entry>::iterator> index_;
};

}  // namespace spikeship::device
