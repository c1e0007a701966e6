//===- Toyla.cpp - A little dialect of another compiler -------------------===//

#include "Toyla.h"

#include "ToylaDialect.cpp.inc"

#define GET_OP_CLASSES
#include "ToylaOps.cpp.inc"

void toyla::ToylaDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ToylaOps.cpp.inc"
      >();
}
