import { resolve } from 'node:path'
import { CACHE } from '../setup/places.ts'

/** What the tests of huggingface_hub need. */
export const SUITES_PYTHON = resolve(CACHE, 'suites/python')

/** The unpacked source distribution of huggingface_hub: as it was published, never changed. */
export const SUITES_SOURCE = resolve(CACHE, 'suites/huggingface_hub')

/** Copies of the tests, pointed at the hub of one run. */
export const SUITES_WORK = resolve(CACHE, 'suites/work')

/** Old versions of huggingface_hub that people still have, each in an environment of its own: version → folder. */
export const OLD_CLIENTS: ReadonlyMap<string, string> = new Map(
  ['0.36.2', '1.29.0'].map(version => [version, resolve(CACHE, `suites/huggingface_hub-${version}`)]),
)
