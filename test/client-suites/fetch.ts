import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pip, pythonEnvironment } from '../setup/python.ts'
import { run, type Step } from '../setup/step.ts'
import { SUITES_PYTHON, SUITES_SOURCE } from './places.ts'

const SDIST = join(import.meta.dirname, 'sdist.txt')

/** huggingface_hub with what its tests need. */
const environment: Step = pythonEnvironment({
  name: 'suites-python',
  title: 'huggingface_hub, with what its own tests need',
  folder: SUITES_PYTHON,
  requirements: join(import.meta.dirname, 'suites.txt'),
  modules: ['huggingface_hub', 'hf_xet', 'pytest', 'pytest_mock', 'pytest_timeout', 'jedi', 'duckdb'],
})

/** The source distribution, which carries the tests; a wheel does not. */
const sources: Step = {
  name: 'suites-source',
  title: 'The tests of huggingface_hub',
  async inputs() {
    return [await readFile(SDIST, 'utf8'), SUITES_SOURCE]
  },
  async make() {
    const download = `${SUITES_SOURCE}.download`
    for (const folder of [download, SUITES_SOURCE]) await rm(folder, { recursive: true, force: true })
    await mkdir(SUITES_SOURCE, { recursive: true })
    const pinned = ['--no-deps', '--no-binary', ':all:', '--require-hashes', '--requirement', SDIST]
    await pip(SUITES_PYTHON, 'download', ...pinned, '--dest', download)
    for (const archive of await readdir(download)) {
      await run('tar', ['-xzf', join(download, archive), '-C', SUITES_SOURCE, '--strip-components=1'])
    }
    await rm(download, { recursive: true, force: true })
  },
}

/** In this order. @huggingface/hub brings its tests with it: npm has them in node_modules/ already. */
export const fetchSteps: readonly Step[] = [environment, sources]
