//===- Pipelines.cpp - The only place where passes are put in order --------===//

#include "Dyn/Transforms/Passes.h"
