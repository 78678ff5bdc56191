import { resolve } from 'node:path'
import { CACHE } from '../setup/places.ts'

/** What the tests of huggingface_hub need. */
export const SUITES_PYTHON = resolve(CACHE, 'suites/python')

/** The unpacked source distribution of huggingface_hub: as it was published, never changed. */
export const SUITES_SOURCE = resolve(CACHE, 'suites/huggingface_hub')

/** Copies of the tests, pointed at the hub of one run. */
export const SUITES_WORK = resolve(CACHE, 'suites/work')
