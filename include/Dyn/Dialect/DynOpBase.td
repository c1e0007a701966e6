//===- DynOpBase.td - Base classes of dyn's operations --------*- tablegen -*-===//

#ifndef DYN_DIALECT_DYNOPBASE
#define DYN_DIALECT_DYNOPBASE

include "Dyn/Dialect/DynBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Dyn_Op<string opMnemonic, list<Trait> traits = []> : Op<Dyn_Dialect, opMnemonic, traits>;

// Inferred and written result types agree where both know a size. A written `?` forgets a size; one that is written where
// inference has `?` is stated, and checked at run time.
class Dyn_InferredOp<string opMnemonic, list<Trait> traits = []>
    : Dyn_Op<opMnemonic, traits # [Pure, InferTypeOpAdaptor]> {
  let extraClassDeclaration = [{
    static bool isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange written) {
      return ::mlir::dyn::areCompatible(inferred, written);
    }
  }];
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif // DYN_DIALECT_DYNOPBASE
