/** What weights hold: tensors of every common format, by range, dequantised where they are asked for. */
export type { WeightFiles, WeightFormat } from './list-weight-files.ts'
export { listWeightFiles } from './list-weight-files.ts'
export type { ModelFiles } from './model-files.ts'
export type { OpenModel } from './open-model.ts'
export { openFile, openModel } from './open-model.ts'
export type { Finding, WeightTensor } from './weight-tensor.ts'
