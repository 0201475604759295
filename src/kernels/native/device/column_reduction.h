// Reductions over the middle axis of [outer, rows, columns]: sums, extremes and what else can be merged in pairs. The order in which
// elements meet is given by the shape alone, never by the card or by chance, so that results repeat bit for bit.
//
//   Source  struct with a type Partial, a function start() that gives the empty Partial, and
//           add(outer, row, column, Partial&): takes the element of that place in.
//   Partial struct with merge(const Partial& later): takes in what lies in later rows or, of equal rank, in other rows.
//   Finish  struct with operator()(size_t result, const Partial&): result = outer * columns + column.
#pragma once

#include <algorithm>

#include "device_runtime.h"
#include "device_words.h"

#if defined(__CUDA_ARCH__)
#define UNROLLED_BY_FOUR _Pragma("unroll 4")
#else
#define UNROLLED_BY_FOUR
#endif

namespace spikeship::device {

struct ReductionShape {
  size_t outer, rows, columns;
};

// How a reduction is cut into blocks of threads: chunks of rows, tiles of columns. In a block `lanes` threads share a column.
struct ReductionCut {
  size_t rows_each;
  unsigned chunks, tiles, width, lanes;
};

// Enough blocks for every card, and for each thread enough elements to be worth its start.
inline constexpr size_t enough_blocks = 1024;
inline constexpr size_t rows_of_a_thread = 16;
// Results from which on a thread for each keeps a card busy, and up to how many rows it then does the work alone: more where
// neighbouring threads read neighbouring columns.
inline constexpr size_t enough_results = size_t{1} << 15;
inline constexpr size_t rows_alone = 32;
inline constexpr size_t rows_alone_beside_others = 1024;

// At most `widest` columns to a tile.
inline ReductionCut cut_reduction(const ReductionShape& shape, size_t widest, bool in_chunks) {
  ReductionCut cut{};
  cut.width = static_cast<unsigned>(std::min(shape.columns, widest));
  // Lanes that would find no row only make the merge longer.
  cut.lanes = static_cast<unsigned>(std::min<size_t>(usual_threads / cut.width, shape.rows));
  cut.tiles = static_cast<unsigned>((shape.columns + cut.width - 1) / cut.width);
  const size_t wanted = std::max<size_t>(1, enough_blocks / (shape.outer * cut.tiles));
  const size_t worth = std::max<size_t>(1, shape.rows / (cut.lanes * rows_of_a_thread));
  const size_t chunks = in_chunks ? std::min(wanted, worth) : 1;
  cut.rows_each = (shape.rows + chunks - 1) / chunks;
  cut.chunks = static_cast<unsigned>((shape.rows + cut.rows_each - 1) / cut.rows_each);
  return cut;
}

// One block for each chunk of each tile. Finish is given result numbers of [outer, chunks, columns].
template <class Source, class Finish>
struct ReduceBlocks {
  using Partial = typename Source::Partial;
  struct Shared {
    // An odd number of 8-byte words to each keeps the partials of neighbouring threads out of one memory bank.
    alignas(8) unsigned char slots[usual_threads][((sizeof(Partial) + 7) / 8 | 1) * 8];
    DEVICE_CODE Partial& operator[](unsigned thread) { return *reinterpret_cast<Partial*>(slots[thread]); }
  };
  static_assert(alignof(Partial) <= 8);
  ReductionShape shape;
  ReductionCut cut;
  Source source;
  Finish finish;

  template <class Block>
  DEVICE_CODE void operator()(Block block) const {
    Shared& partials = block.shared;
    const unsigned tile = block.index % cut.tiles;
    const unsigned chunk = block.index / cut.tiles % cut.chunks;
    const size_t outer = block.index / cut.tiles / cut.chunks;
    const size_t first_column = static_cast<size_t>(tile) * cut.width;
    const size_t first = chunk * cut.rows_each;
    const size_t end = first + cut.rows_each < shape.rows ? first + cut.rows_each : shape.rows;
    block.each([&](unsigned thread) {
      const size_t column = first_column + thread % cut.width;
      if (thread >= cut.width * cut.lanes || column >= shape.columns) return;
      Partial partial = source.start();
      UNROLLED_BY_FOUR
      for (size_t row = first + thread / cut.width; row < end; row += cut.lanes) source.add(outer, row, column, partial);
      partials[thread] = partial;
    });
    // Halves of the lanes meet until one is left.
    for (unsigned left = cut.lanes; left > 1; left = (left + 1) / 2) {
      const unsigned kept = (left + 1) / 2;
      block.each([&](unsigned thread) {
        const bool inside = first_column + thread % cut.width < shape.columns;
        if (inside && thread / cut.width + kept < left) partials[thread].merge(partials[thread + kept * cut.width]);
      });
    }
    block.each([&](unsigned thread) {
      const size_t column = first_column + thread;
      if (thread < cut.width && column < shape.columns) finish((outer * cut.chunks + chunk) * shape.columns + column, partials[thread]);
    });
  }
};

// One thread for each result.
template <class Source, class Finish>
struct ReduceAlone {
  ReductionShape shape;
  Source source;
  Finish finish;
  DEVICE_CODE void operator()(size_t result) const {
    // Without the division where there is nothing to divide: sums over the steps of a network.
    const size_t outer = shape.outer == 1 ? 0 : result / shape.columns;
    const size_t column = result - outer * shape.columns;
    auto partial = source.start();
    UNROLLED_BY_FOUR
    for (size_t row = 0; row < shape.rows; row++) source.add(outer, row, column, partial);
    finish(result, partial);
  }
};

template <class Partial>
struct KeepPartial {
  Partial* partials;
  DEVICE_CODE void operator()(size_t result, const Partial& partial) const { partials[result] = partial; }
};

// The results of chunks as the source of a second reduction, [outer, chunks, columns].
template <class Given>
struct Chunks {
  using Partial = typename Given::Partial;
  Given given;
  ReductionShape shape;
  const Partial* partials;
  DEVICE_CODE Partial start() const { return given.start(); }
  DEVICE_CODE void add(size_t outer, size_t chunk, size_t column, Partial& partial) const {
    partial.merge(partials[(outer * shape.rows + chunk) * shape.columns + column]);
  }
};

template <class Source, class Finish>
void reduce_blocks(const ReductionShape& shape, const ReductionCut& cut, Source source, Finish finish, const char* what) {
  constexpr unsigned warp = 32;
  const unsigned threads = (cut.width * cut.lanes + warp - 1) / warp * warp;
  for_blocks(shape.outer * cut.tiles * cut.chunks, threads, ReduceBlocks<Source, Finish>{shape, cut, source, finish}, what);
}

template <class Source, class Finish>
void reduce_columns(const ReductionShape& shape, Source source, Finish finish, const char* what) {
  using Partial = typename Source::Partial;
  if (shape.outer == 0 || shape.columns == 0) return;
  const size_t results = shape.outer * shape.columns;
  const size_t alone = shape.columns >= 8 ? rows_alone_beside_others : rows_alone;
  if (shape.rows <= 4 || (results >= enough_results && shape.rows <= alone)) {
    return for_each(results, ReduceAlone<Source, Finish>{shape, source, finish}, what);
  }
  const ReductionCut cut = cut_reduction(shape, usual_threads, true);
  if (cut.chunks == 1) return reduce_blocks(shape, cut, source, finish, what);
  const Scratch partials(shape.outer * cut.chunks * shape.columns * sizeof(Partial));
  reduce_blocks(shape, cut, source, KeepPartial<Partial>{partials.as<Partial>()}, what);
  // Narrow tiles, so that many blocks share the second pass; 32 bytes are the least that memory hands out.
  const ReductionShape second{shape.outer, cut.chunks, shape.columns};
  const ReductionCut narrow = cut_reduction(second, std::max<size_t>(1, 32 / sizeof(Partial)), false);
  reduce_blocks(second, narrow, Chunks<Source>{source, second, partials.as<Partial>()}, finish, what);
}

}  // namespace spikeship::device
