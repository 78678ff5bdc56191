import { describe, expect, it } from 'vitest'
import { declaredBases, type Said } from './declared-bases.ts'

const said = (given: Partial<Said>) =>
  declaredBases({
    ...{ id: 'ada/model', paths: new Set(), card: undefined, recipe: undefined, claims: [] },
    ...given,
  })

describe('the bases that a model declares', () => {
  it('come from its card, one or several, with the relation that it says or that follows', () => {
    expect(said({ card: '---\nbase_model: org/base\n---\n' })).toEqual([
      { name: 'org/base', relation: 'finetune', sources: ['card'] },
    ])
    const two = said({ card: '---\nbase_model: [a/x, b/y]\nbase_model_relation: quantized\n---\n' })
    expect(two.map(({ name, relation }) => [name, relation])).toEqual([
      ['a/x', 'quantized'],
      ['b/y', 'quantized'],
    ])
    expect(said({ card: '---\nbase_model: [a/x, b/y]\n---\n' })[0]?.relation).toBe('merge')
    const paths = new Set(['adapter_config.json'])
    expect(said({ card: '---\nbase_model: a/x\n---\n', paths })[0]?.relation).toBe('adapter')
  })

  it('come from files, each name once with all who say it', () => {
    const claims = [
      { source: 'adapter_config.json', name: 'Org/Base' },
      { source: 'config.json', name: 'org/other' },
      { source: 'gguf', name: 'https://huggingface.co/org/third' },
    ] as const
    expect(said({ card: '---\nbase_model: org/base\n---\n', claims })).toEqual([
      { name: 'org/base', relation: 'finetune', sources: ['card', 'adapter_config.json'] },
      { name: 'org/other', relation: null, sources: ['config.json'] },
      { name: 'org/third', relation: 'quantized', sources: ['gguf'] },
    ])
  })

  it('are not paths on a disk, nor the model itself', () => {
    for (const name of [
      '/home/ada/model',
      './out',
      'C:\\models\\x',
      'a/b/c',
      'ada/Model',
      'checkpoint',
      '..',
    ])
      expect(said({ claims: [{ source: 'config.json', name }] })).toEqual([])
  })

  it('come from a recipe of mergekit', () => {
    const recipe = [
      'merge_method: slerp',
      'base_model: org/base',
      'slices:',
      '  - sources:',
      '      - model: org/one',
      '        layer_range: [0, 4]',
      '      - model: org/two+org/lora',
    ].join('\n')
    expect(said({ recipe }).map(({ name, relation }) => [name, relation])).toEqual([
      ['org/one', 'merge_slerp'],
      ['org/two', 'merge_slerp'],
      ['org/base', 'merge_slerp'],
    ])
    const models = 'models:\n  - model: a/x\n  - model: {model: {path: b/y}}\nmerge_method: dare_ties\n'
    expect(said({ recipe: models }).map(({ name, relation }) => [name, relation])).toEqual([
      ['a/x', 'merge_dare'],
      ['b/y', 'merge_dare'],
    ])
    expect(said({ recipe: '- just\n- a list' })).toEqual([])
  })
})
