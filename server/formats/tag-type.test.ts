import { expect, it } from 'vitest'
import { typeOfTag } from './tag-type.ts'

it.each([
  ['model', 'license:mit', 'license', 'mit'],
  ['model', 'dataset:squad', 'dataset', 'squad'],
  ['model', 'text-generation', 'pipeline_tag', 'text-generation'],
  ['model', 'transformers', 'library', 'transformers'],
  ['model', 'en', 'language', 'English'],
  ['model', 'yue', 'language', 'Cantonese'],
  ['model', 'qq', 'other', 'qq'],
  ['model', 'tei:fast', 'other', 'tei:fast'],
  ['model', ':x', 'other', ':x'],
  ['dataset', 'language:zh', 'language', 'Chinese'],
  ['dataset', 'language:klingon', 'language', 'klingon'],
  ['dataset', 'task_categories:other', 'task_categories', 'other'],
  ['dataset', 'size_categories:n<1K', 'size_categories', 'n<1K'],
  ['dataset', 'en', 'other', 'en'],
] as const)('of a %s, "%s" is a %s called %s', (repoType, tag, type, label) => {
  expect(typeOfTag(repoType, tag)).toEqual({ type, label })
})
