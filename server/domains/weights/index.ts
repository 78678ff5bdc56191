/** What weights hold: tensors of every common format, by range, dequantised where they are asked for. */
import type { Route } from '../../http/route.ts'
import type { Repos } from '../repos/index.ts'
import { weightRoutes } from './routes.ts'

export { describeModel } from './describe-model.ts'
export * from './errors.ts'
export type { WeightFiles, WeightFormat } from './list-weight-files.ts'
export { listWeightFiles } from './list-weight-files.ts'
export type { ModelFiles } from './model-files.ts'
export type { OpenModel } from './open-model.ts'
export { openFile, openModel } from './open-model.ts'
export { repoFiles } from './repo-files.ts'
export type { Finding, WeightTensor } from './weight-tensor.ts'

export function createWeights(parts: { readonly repos: Repos }): { readonly routes: readonly Route[] } {
  return { routes: weightRoutes(parts) }
}
