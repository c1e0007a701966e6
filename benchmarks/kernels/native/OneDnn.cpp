//===- OneDnn.cpp - Products by oneDNN ------------------------------------===//
//
// A constant B is an inner product whose weights oneDNN lays out as it likes
// for that number of rows, before the clock starts; anything else its matmul.
//
//===----------------------------------------------------------------------===//

#include "Peer.h"

#include <oneapi/dnnl/dnnl.hpp>
#include <string>

using namespace dnnl;
using tag = memory::format_tag;
static constexpr auto kFloat = memory::data_type::f32;

namespace {
engine &getEngine() {
  static engine cpu(engine::kind::cpu, 0);
  return cpu;
}

stream &getStream() {
  static stream queue(getEngine());
  return queue;
}

struct Primitive : Product {
  primitive compute;
  std::unordered_map<int, memory> arguments;

  void run() override {
    compute.execute(getStream(), arguments);
    getStream().wait();
  }
};

memory wrap(const memory::desc &desc, const float *data) {
  return memory(desc, getEngine(), const_cast<float *>(data));
}
} // namespace

void peer_init(int) {} // its OpenMP reads OMP_NUM_THREADS

const char *peer_version() {
  const dnnl_version_t *v = dnnl::version();
  static std::string text = std::to_string(v->major) + "." +
                            std::to_string(v->minor) + "." +
                            std::to_string(v->patch);
  return text.c_str();
}

static Product *createInnerProduct(const Gemm &g, const float *a,
                                   const float *b, const float *bias,
                                   float *c) {
  memory::desc in({g.m, g.k}, kFloat, tag::ab),
      out({g.m, g.n}, kFloat, tag::ab), any({g.n, g.k}, kFloat, tag::any),
      given({g.n, g.k}, kFloat, g.transposed ? tag::ab : tag::ba),
      biasDesc({g.n}, kFloat, tag::a);
  auto kind = prop_kind::forward_inference;
  inner_product_forward::primitive_desc desc(
      bias ? inner_product_forward::desc(kind, in, any, biasDesc, out)
           : inner_product_forward::desc(kind, in, any, out),
      getEngine());
  memory source = wrap(given, b), weights(desc.weights_desc(), getEngine());
  reorder(source, weights).execute(getStream(), source, weights);
  getStream().wait();
  auto *product = new Primitive;
  product->compute = inner_product_forward(desc);
  product->arguments = {{DNNL_ARG_SRC, wrap(in, a)},
                        {DNNL_ARG_WEIGHTS, weights},
                        {DNNL_ARG_DST, wrap(out, c)}};
  if (bias)
    product->arguments.emplace(DNNL_ARG_BIAS, wrap(biasDesc, bias));
  return product;
}

static Product *createMatmul(const Gemm &g, const float *a, const float *b,
                             const float *bias, float *c) {
  memory::desc in({g.batch, g.m, g.k}, kFloat, tag::abc),
      out({g.batch, g.m, g.n}, kFloat, tag::abc),
      given({g.batch, g.k, g.n}, kFloat, g.transposed ? tag::acb : tag::abc),
      biasDesc({1, 1, g.n}, kFloat, tag::abc);
  matmul::primitive_desc desc(bias ? matmul::desc(in, given, biasDesc, out)
                                   : matmul::desc(in, given, out),
                              getEngine());
  auto *product = new Primitive;
  product->compute = matmul(desc);
  product->arguments = {{DNNL_ARG_SRC, wrap(in, a)},
                        {DNNL_ARG_WEIGHTS, wrap(given, b)},
                        {DNNL_ARG_DST, wrap(out, c)}};
  if (bias)
    product->arguments.emplace(DNNL_ARG_BIAS, wrap(biasDesc, bias));
  return product;
}

Product *gemm_create(const Gemm *gemm, const float *a, const float *b,
                     const float *bias, float *c) {
  return gemm->constant ? createInnerProduct(*gemm, a, b, bias, c)
                        : createMatmul(*gemm, a, b, bias, c);
}
