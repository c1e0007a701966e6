//===- Peer.h - What each of the native peers exports -----------*- C++ -*-===//
//
// One shared library a peer; peers.py calls these functions.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_BENCHMARKS_KERNELS_PEER_H
#define DYN_BENCHMARKS_KERNELS_PEER_H

#include <cstdint>

/// C = A * B + bias, a `batch` of them side by side: A is [m, k], B is [k, n],
/// or [n, k] if `transposed`, bias is [n] or null. B may be packed beforehand
/// if it is `constant`.
struct Gemm {
  int64_t batch, m, n, k;
  int32_t transposed, constant;
};

/// A product that is ready to run on its operands.
struct Product {
  virtual ~Product() = default;
  virtual void run() = 0;
};

extern "C" {
void peer_init(int threads);
const char *peer_version();
Product *gemm_create(const Gemm *gemm, const float *a, const float *b,
                     const float *bias, float *c);
inline __attribute__((used, visibility("default"))) void
gemm_run(Product **products, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    products[i]->run();
}
inline __attribute__((used, visibility("default"))) void
gemm_destroy(Product *product) {
  delete product;
}
}

#endif // DYN_BENCHMARKS_KERNELS_PEER_H
