import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../test/fuzz-runs.ts'
import { parseFrontMatter } from './front-matter.ts'
import { cardTags, validateCard } from './model-card.ts'

const fenced = (yaml: string) => `---\n${yaml}\n---\n# Title\n`
const errors = (yaml: string, type: 'model' | 'dataset' | 'space' = 'model') =>
  validateCard(fenced(yaml), type).errors.map(({ message }) => message)
const warnings = (yaml: string, type: 'model' | 'dataset' | 'space' = 'model') =>
  validateCard(fenced(yaml), type).warnings.map(({ message }) => message)

/** The fields of the model card specification (hub-docs modelcard.md). */
const MODEL = `language:
- en
- gsw
license: mit
library_name: timm
tags: [pytorch, image-classification]
datasets:
- beans
metrics: accuracy
pipeline_tag: image-classification
base_model: timm/resnet50.a1_in1k
base_model_relation: finetune
model-index:
- name: my-cool-model
  results:
  - task: {type: image-classification}
    dataset: {type: beans, name: Beans, config: default, args: {date: 20220120}}
    metrics:
    - {type: accuracy, value: 0.9}
    - {type: f1, value: "0.66 ± 0.01"}
    source: {name: Leaderboard, url: https://example.org}`

describe('validateCard', () => {
  it('finds nothing to say about a good card', () => {
    const card = validateCard(fenced(MODEL), 'model')
    expect(card.errors).toEqual([])
    expect(card.warnings).toEqual([])
    expect(card.data.license).toBe('mit')
    expect(card.body).toBe('# Title\n')
  })

  it.each(['# Only text\n', '', '---\n---\n# Title', '---\n# note\n---\n'])(
    'warns once without metadata: %j',
    markdown => {
      for (const type of ['model', 'dataset', 'space'] as const) {
        const card = validateCard(markdown, type)
        expect(card.errors).toEqual([])
        expect(card.warnings).toEqual([{ message: 'empty or missing yaml metadata in repo card' }])
      }
    },
  )

  it('takes YAML that fails to parse for an error and judges no further', () => {
    const card = validateCard(fenced('license: [mit'), 'model')
    expect(card.errors.length).toBe(1)
    expect(card.errors[0]?.message).toContain('yaml metadata: ')
    expect(card.warnings).toEqual([])
    expect(errors('[]')).toEqual(['yaml metadata must be a mapping of keys to values'])
  })

  // The first message is what huggingface_hub tests/test_repocard.py:test_validate_repocard matches.
  it.each<[yaml: string, error: string]>([
    ['license: asdf', '"license" must be one of [apache-2.0, mit, '],
    ['license: MIT', '"license" must be one of'],
    ['license: [mit, asdf]', '"license[1]" must be one of'],
    ['license: 3', '"license" must be a string or an array of strings'],
    ['language: 3', '"language" must be a string or an array of strings'],
    ['language: {en: x}', '"language" must be a string or an array of strings'],
    ['language: [en, 3]', '"language[1]" must be a string'],
    ['tags: {a: b}', '"tags" must be a string or an array of strings'],
    ['tags: [a, ~]', '"tags[1]" must be a string'],
    ['datasets: [[a]]', '"datasets[0]" must be a string'],
    ['metrics: 1', '"metrics" must be a string or an array of strings'],
    ['base_model: {a: b}', '"base_model" must be a string or an array of strings'],
    [
      'base_model_relation: child',
      '"base_model_relation" must be one of [adapter, finetune, merge, quantized]',
    ],
    ['pipeline_tag: [text-generation]', '"pipeline_tag" must be a string'],
    ['library_name: 1', '"library_name" must be a string'],
    ['license: other\nlicense_name: 1', '"license_name" must be a string'],
    ['model-index: x', '"model-index" must be an array'],
    ['model-index: [x]', '"model-index[0]" must be of type object'],
    ['model-index: [{results: []}]', '"model-index[0].name" is required'],
    ['model-index: [{name: x}]', '"model-index[0].results" is required'],
    ['model-index: [{name: x, results: y}]', '"model-index[0].results" must be an array'],
  ])('%s is an error', (yaml, error) => {
    expect(errors(yaml).length).toBe(1)
    expect(errors(yaml)[0]).toContain(error)
  })

  it.each<[from: RegExp, to: string, error: string]>([
    [/task: .*/, '{}', 'task" is required'],
    [/task: .*/, 'task: {name: x}', 'task.type" is required'],
    [/dataset: \{.*/, 'split: x', 'dataset" is required'],
    [/name: Beans, /, '', 'dataset.name" is required'],
    [/type: beans/, 'type: 1', 'dataset.type" must be a string'],
    [/, value: 0.9/, '', 'metrics[0].value" is required'],
    [/metrics:\n/, 'x:\n', 'metrics" is required'],
    [/, url: .*/, '}', 'source.url" is required'],
  ])('a model index with %s replaced by %j is an error', (from, to, error) => {
    const index = MODEL.slice(MODEL.indexOf('model-index')).replace(from, to.replace('{}', 'x: y'))
    expect(errors(index)).toEqual([`"model-index[0].results[0].${error}`])
    expect(errors(index, 'dataset')).toEqual([])
  })

  it.each<[yaml: string, warning: string]>([
    ['language: English', '"language" with value "English" is not valid: give a code of ISO 639'],
    ['language: zh-CN', '"language" with value "zh-CN" is not valid'],
    [
      'pipeline_tag: cooking',
      '"pipeline_tag" with value "cooking" is not a known task: text-classification, ',
    ],
    ['base_model: ./checkpoint', '"base_model" with value "./checkpoint" is not valid'],
    ['datasets: [librispeech 960h]', '"datasets" with value "librispeech 960h" is not valid'],
    ['license: other', 'name it in "license_name"'],
  ])('%s is a warning', (yaml, warning) => {
    expect(errors(yaml)).toEqual([])
    expect(warnings(yaml).length).toBe(1)
    expect(warnings(yaml)[0]).toContain(warning)
  })

  it.each([
    'language: [code, multilingual, no]',
    'license: [mit, llama3.3, openrail++]',
    'license: other\nlicense_name: my-licence\nlicense_link: LICENSE',
    'license:\ntags:\nlanguage:\nmodel-index:\nbase_model:\nx: 1',
    'tags: one',
    'datasets: [glue, stanfordnlp/imdb]\nbase_model: [gpt2, a/b]',
    'model-index: [{name: x, results: []}]',
  ])('%s is fine', yaml => {
    expect(errors(yaml)).toEqual([])
    expect(warnings(yaml)).toEqual([])
  })

  it('judges the keys of datasets and spaces', () => {
    expect(errors('task_categories: 1', 'dataset')).toEqual([
      '"task_categories" must be a string or an array of strings',
    ])
    expect(errors('size_categories: [1]', 'dataset')).toEqual(['"size_categories[0]" must be a string'])
    expect(warnings('task_categories: [cooking]', 'dataset')[0]).toContain(
      '"task_categories" with value "cooking"',
    )
    expect(errors('sdk: [gradio]', 'space')).toEqual(['"sdk" must be a string'])
    expect(errors('pipeline_tag: 1', 'dataset')).toEqual([])
  })

  it('says no more than twenty things', () => {
    expect(errors(`tags: [${'1,'.repeat(1000)}]`).length).toBe(20)
    expect(warnings(`language: [${'xxxxx,'.repeat(1000)}]`).length).toBe(20)
  })
})

describe('cardTags', () => {
  const tags = (yaml: string, type: 'model' | 'dataset' | 'space', body = '') =>
    cardTags(parseFrontMatter(fenced(yaml)).data, body, type)

  it('lists the tags of a model', () => {
    const body =
      'See https://arxiv.org/abs/1810.04805v2 and [this](https://arxiv.org/pdf/1706.03762.pdf), arXiv:1810.04805.'
    expect(tags(MODEL, 'model', body)).toEqual([
      'timm',
      'image-classification',
      'pytorch',
      'en',
      'gsw',
      'dataset:beans',
      'arxiv:1810.04805',
      'arxiv:1706.03762',
      'base_model:timm/resnet50.a1_in1k',
      'base_model:finetune:timm/resnet50.a1_in1k',
      'license:mit',
    ])
  })

  it('says of a model that it tells what it cost the climate', () => {
    expect(tags('co2_eq_emissions:\n  emissions: 17', 'model')).toEqual(['co2_eq_emissions'])
    expect(tags('co2_eq_emissions:', 'model')).toEqual([])
  })

  // The tags that the public hub shows for rajpurkar/squad, those from its files left out.
  it('lists the tags of a dataset', () => {
    const yaml = `annotations_creators: [crowdsourced]
language_creators: [crowdsourced, found]
language: [en]
license: cc-by-sa-4.0
multilinguality: [monolingual]
size_categories: [10K<n<100K]
source_datasets: [extended|wikipedia]
task_categories: [question-answering]
task_ids: [extractive-qa]
paperswithcode_id: squad
pretty_name: SQuAD`
    expect(tags(yaml, 'dataset', 'https://huggingface.co/papers/1606.05250')).toEqual([
      'task_categories:question-answering',
      'task_ids:extractive-qa',
      'annotations_creators:crowdsourced',
      'language_creators:crowdsourced',
      'language_creators:found',
      'multilinguality:monolingual',
      'source_datasets:extended|wikipedia',
      'language:en',
      'license:cc-by-sa-4.0',
      'size_categories:10K<n<100K',
      'arxiv:1606.05250',
    ])
  })

  it('lists the tags of a space', () => {
    expect(tags('sdk: gradio\ntags: [demo]\nlicense: mit', 'space')).toEqual([
      'gradio',
      'demo',
      'license:mit',
    ])
  })

  it('names the relation to each base model only if it is given and known', () => {
    expect(tags('base_model: [a/b, c/d]\nbase_model_relation: merge', 'model')).toEqual([
      'base_model:a/b',
      'base_model:c/d',
      'base_model:merge:a/b',
      'base_model:merge:c/d',
    ])
    expect(tags('base_model: a/b\nbase_model_relation: child', 'model')).toEqual(['base_model:a/b'])
    expect(tags('base_model: ./checkpoint', 'model')).toEqual([])
  })

  it.each([
    ['arxiv.org/abs/12345.67890', []],
    ['arxiv.org/abs/1234.567890', []],
    ['1810.04805', []],
    ['http://www.arxiv.org/html/2407.21783v3', ['arxiv:2407.21783']],
    ['arXiv: 0704.0001', ['arxiv:0704.0001']],
  ])('finds in %s %j', (body, found) => {
    expect(cardTags({}, body, 'model')).toEqual(found)
  })

  it('answers for any metadata', () => {
    const value = fc.jsonValue() as fc.Arbitrary<never>
    const keys = [
      'tags',
      'license',
      'language',
      'base_model',
      'base_model_relation',
      'task_ids',
      'sdk',
      'model-index',
      'datasets',
    ]
    const data = fc.dictionary(fc.constantFrom(...keys), value)
    fc.assert(
      fc.property(data, fc.constantFrom('model', 'dataset', 'space'), (metadata, type) => {
        const found = cardTags(metadata, '', type)
        expect(found).toEqual([...new Set(found)].filter(tag => typeof tag === 'string'))
        const { errors: remarks } = validateCard(`---\n${JSON.stringify(metadata)}\n---\n`, type)
        expect(remarks.length).toBeLessThanOrEqual(20)
      }),
      runs(3000),
    )
  })
})
