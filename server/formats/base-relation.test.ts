import { expect, it } from 'vitest'
import { inferRelation } from './base-relation.ts'

const paths = (...names: string[]) => new Set(names)

it('tells how a model comes from its bases', () => {
  expect(inferRelation(['a/b', 'c/d'], paths(), [], undefined)).toBe('merge')
  expect(inferRelation(['a/b'], paths('adapter_config.json'), [], undefined)).toBe('adapter')
  expect(inferRelation(['a/b'], paths('x.gguf'), [], undefined)).toBe('quantized')
  expect(inferRelation(['a/b'], paths(), [], { quantization_config: {} })).toBe('quantized')
  expect(inferRelation(['a/b'], paths(), [], {})).toBe('finetune')
})
