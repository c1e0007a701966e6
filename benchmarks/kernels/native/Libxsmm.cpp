//===- Libxsmm.cpp - Products by kernels made for their exact shape -------===//
//
// What a compiler that knows every size could reach: libxsmm's code for exactly
// these rows, this depth and panels of 64 columns, on B packed panel by panel.
//
//===----------------------------------------------------------------------===//

#include "Peer.h"

#include <algorithm>
#include <atomic>
#include <libxsmm.h>
#include <thread>
#include <vector>

namespace {

constexpr int64_t kPanel = 64, kMostRows = 64;

/// Threads that spin for the next product.
class Team {
public:
  explicit Team(int threads) : threads(threads) {
    for (int i = 1; i < threads; ++i)
      std::thread([this, i] { work(i); }).detach();
  }
  template <typename Fn> void run(Fn &body) {
    call = [](void *data, int index) { (*static_cast<Fn *>(data))(index); };
    this->data = &body;
    pending = threads - 1;
    ++round;
    round.notify_all();
    body(0);
    while (pending.load(std::memory_order_acquire))
      ;
  }
  const int threads;

private:
  void work(int index) {
    for (unsigned seen = 0;;) {
      // After a while without work the core belongs to others.
      for (int spins = 0; round.load() == seen && spins < 1 << 16;)
        ++spins;
      round.wait(seen);
      seen = round.load();
      call(data, index);
      --pending;
    }
  }
  void (*call)(void *, int) = nullptr;
  void *data = nullptr;
  std::atomic<unsigned> round = 0;
  std::atomic<int> pending = 0;
};

Team *team = nullptr;

libxsmm_smmfunction makeKernel(int64_t columns, int64_t rows, int64_t depth,
                               int64_t resultStride, bool hasBias) {
  // libxsmm is column-major: its M are our columns.
  int lda = columns, ldb = depth, ldc = resultStride;
  float alpha = 1, beta = hasBias;
  int flags = LIBXSMM_GEMM_FLAG_NONE;
  return libxsmm_smmdispatch(columns, rows, depth, &lda, &ldb, &ldc, &alpha,
                             &beta, &flags, nullptr);
}

struct Panels : Product {
  Gemm g;
  const float *a, *bias;
  float *c;
  std::vector<float> packed;
  /// Rows: full blocks, the last one; columns likewise.
  libxsmm_smmfunction kernels[2][2];

  void runPanel(int64_t panel) {
    int64_t from = panel * kPanel, columns = std::min(kPanel, g.n - from);
    for (int64_t row = 0; row < g.m; row += kMostRows) {
      int64_t rows = std::min(kMostRows, g.m - row);
      float *out = c + row * g.n + from;
      if (bias)
        for (int64_t i = 0; i < rows; ++i)
          std::copy_n(bias + from, columns, out + i * g.n);
      kernels[rows != kMostRows][columns != kPanel](packed.data() + from * g.k,
                                                    a + row * g.k, out);
    }
  }

  void run() override {
    int64_t panels = (g.n + kPanel - 1) / kPanel;
    auto share = [&](int thread) {
      for (int64_t panel = panels * thread / team->threads,
                   end = panels * (thread + 1) / team->threads;
           panel < end; ++panel)
        runPanel(panel);
    };
    team->threads == 1 ? share(0) : team->run(share);
  }
};

} // namespace

void peer_init(int threads) {
  libxsmm_init();
  team = new Team(threads);
}

const char *peer_version() { return LIBXSMM_VERSION; }

Product *gemm_create(const Gemm *gemm, const float *a, const float *b,
                     const float *bias, float *c) {
  if (!gemm->constant || gemm->batch != 1)
    return nullptr;
  auto *product = new Panels;
  const Gemm &g = product->g = *gemm;
  product->a = a;
  product->bias = bias;
  product->c = c;
  product->packed.resize(g.n * g.k);
  for (int64_t column = 0; column < g.n; ++column) {
    int64_t from = column / kPanel * kPanel;
    int64_t width = std::min(kPanel, g.n - from);
    for (int64_t k = 0; k < g.k; ++k)
      product->packed[from * g.k + k * width + column - from] =
          g.transposed ? b[column * g.k + k] : b[k * g.n + column];
  }
  for (int lastRows : {0, 1})
    for (int lastColumns : {0, 1}) {
      int64_t rows = lastRows ? g.m % kMostRows : std::min(g.m, kMostRows);
      int64_t columns = lastColumns ? g.n % kPanel : kPanel;
      auto &kernel = product->kernels[lastRows][lastColumns];
      kernel =
          rows && columns ? makeKernel(columns, rows, g.k, g.n, bias) : nullptr;
      if (!kernel && rows && columns && g.n >= columns) {
        delete product; // a shape that libxsmm makes no code for
        return nullptr;
      }
    }
  return product;
}
