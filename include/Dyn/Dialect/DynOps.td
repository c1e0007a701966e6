//===- DynOps.td - Operations of the dyn dialect --------------*- tablegen -*-===//
//
// The operations of all families. Each condition an operation imposes has a label (`matmul_c2`) that stands again over
// its check in C++ and over the test of its error.
//
//===----------------------------------------------------------------------===//

#ifndef DYN_DIALECT_DYNOPS
#define DYN_DIALECT_DYNOPS

include "Dyn/Dialect/CoreOps.td"
include "Dyn/Dialect/ElementwiseOps.td"
include "Dyn/Dialect/ReductionOps.td"
include "Dyn/Dialect/StructuralOps.td"

#endif // DYN_DIALECT_DYNOPS
