import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { installPackage } from './debian.ts'
import { PYTHON_ENVIRONMENT } from './places.ts'
import { probe, run, SetupFailed, type Step } from './step.ts'

/** transformers 5 and numpy 2.4 ask for it. */
const OLDEST = [3, 11] as const
const CANDIDATES = ['python3', 'python3.14', 'python3.13', 'python3.12', 'python3.11']

/** The Python clients that the client tests run, and the libraries that write weights. */
export const pythonClients: Step = pythonEnvironment({
  name: 'python-clients',
  title: 'Python clients (huggingface_hub, hf_xet, transformers, datasets) and writers of weights',
  folder: PYTHON_ENVIRONMENT,
  requirements: join(import.meta.dirname, 'clients.txt'),
  modules: ['huggingface_hub', 'hf_xet', 'transformers', 'datasets', 'gguf', 'onnx', 'ml_dtypes'],
})

/** A virtual environment in `folder` with all that the file `requirements` pins by hash; `modules` can be imported there. */
export function pythonEnvironment(wanted: {
  readonly name: string
  readonly title: string
  readonly folder: string
  readonly requirements: string
  readonly modules: readonly string[]
}): Step {
  const { name, title, folder, requirements, modules } = wanted
  return {
    name,
    title,
    async inputs() {
      const python = await findPython()
      return [await readFile(requirements, 'utf8'), folder, python.path, python.version]
    },
    async make() {
      await rm(folder, { recursive: true, force: true })
      await makeEnvironment((await findPython()).path, folder)
      const pinned = [
        '--no-deps',
        '--only-binary',
        ':all:',
        '--require-hashes',
        '--requirement',
        requirements,
      ]
      await pip(folder, 'install', ...pinned)
      await run(join(folder, 'bin/python'), ['-c', `import ${modules.join(', ')}`])
    },
  }
}

/** The first Python that is new enough; `PYTHON` in the environment names another one. */
async function findPython(): Promise<{ path: string; version: string }> {
  const seen: string[] = []
  for (const name of process.env.PYTHON ? [process.env.PYTHON] : CANDIDATES) {
    const answer = await probe(name, [
      '-c',
      'import sys; print("%d.%d.%d" % sys.version_info[:3], sys.executable)',
    ])
    const [, version, major, minor, path] = /^((\d+)\.(\d+)\.\d+) (.+)$/.exec(answer ?? '') ?? []
    if (!version || !path) continue
    if (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]) return { path, version }
    seen.push(`${name} is ${version}`)
  }
  throw new SetupFailed(
    `The client tests need Python ${OLDEST.join('.')} or newer (${seen.join(', ') || 'none was found'}). Please ` +
      'install it, for example `apt-get install python3 python3-venv`, or name one: PYTHON=/path/to/python3 make test.',
  )
}

/** Runs pip for the environment in `folder`: its own, or that of the system where it has none. */
export async function pip(folder: string, command: string, ...args: readonly string[]): Promise<void> {
  const python = join(folder, 'bin/python')
  const own = (await probe(python, ['-m', 'pip', '--version'])) !== undefined
  const [program, place] = own ? [python, []] : [(await findPython()).path, ['--python', python]]
  const quiet = ['--no-input', '--disable-pip-version-check', '--progress-bar', 'off']
  await run(program, ['-m', 'pip', ...place, command, ...quiet, ...args])
}

/** Debian leaves pip out of the venv module, unless a package of its own is there. */
async function makeEnvironment(python: string, folder: string): Promise<void> {
  const withPip = async () => (await probe(python, ['-c', 'import venv, ensurepip'])) !== undefined
  if ((await withPip()) || ((await installPackage('python3-venv')) && (await withPip()))) {
    await run(python, ['-m', 'venv', folder])
  } else if ((await probe(python, ['-m', 'pip', '--version'])) !== undefined) {
    await run(python, ['-m', 'venv', '--without-pip', folder])
  } else {
    throw new SetupFailed(
      `${python} can make no virtual environment: its venv module lacks ensurepip, and there is no pip. Please ` +
        'install the Debian package python3-venv (`apt-get install python3-venv` as root), then run make again.',
    )
  }
}
