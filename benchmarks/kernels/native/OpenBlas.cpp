//===- OpenBlas.cpp - Products by OpenBLAS --------------------------------===//

#include "Peer.h"

#include <algorithm>
#include <cblas.h>

namespace {
struct Sgemm : Product {
  Gemm g;
  const float *a, *b, *bias;
  float *c;

  void run() override {
    for (int64_t i = 0; i < g.batch; ++i) {
      float *out = c + i * g.m * g.n;
      if (bias)
        for (int64_t row = 0; row < g.m; ++row)
          std::copy_n(bias, g.n, out + row * g.n);
      cblas_sgemm(CblasRowMajor, CblasNoTrans,
                  g.transposed ? CblasTrans : CblasNoTrans, g.m, g.n, g.k, 1,
                  a + i * g.m * g.k, g.k, b + i * g.k * g.n,
                  g.transposed ? g.k : g.n, bias ? 1 : 0, out, g.n);
    }
  }
};
} // namespace

void peer_init(int threads) { openblas_set_num_threads(threads); }

const char *peer_version() { return openblas_get_config(); }

Product *gemm_create(const Gemm *gemm, const float *a, const float *b,
                     const float *bias, float *c) {
  auto *product = new Sgemm;
  product->g = *gemm;
  product->a = a;
  product->b = b;
  product->bias = bias;
  product->c = c;
  return product;
}
