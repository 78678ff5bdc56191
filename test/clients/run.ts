import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll } from 'vitest'
import { PYTHON_ENVIRONMENT, UNPACKED_TOOLS } from '../setup/places.ts'

interface Ran {
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

/** A machine of its own for one client: a home that nobody else uses, and no setting of whoever runs the tests. */
export interface Machine {
  readonly home: string
  /** Runs a program here and gives what came of it, whatever that is. */
  attempt(command: string, args: readonly string[], place?: Place): Promise<Ran>
  /** Runs a program that must succeed; gives standard output. Rejects with all that it printed. */
  run(command: string, args: readonly string[], place?: Place): Promise<string>
  /** Runs `python/NAME.py` with `input` as JSON; gives the JSON on its last line. Rejects with all that it printed. */
  python<Result>(name: string, input: Readonly<Record<string, unknown>>, place?: Place): Promise<Result>
}

interface Place {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
}

/** What is let through from the environment of the tests. */
const KEPT = /^(PATH|TMPDIR|LANG|LC_.*|LD_LIBRARY_PATH|OPENBLAS_.*|SYSTEMROOT)$/

const homes: string[] = []

/** A fresh machine; removed when the file's tests are done. */
export async function newMachine(hubUrl: string, token?: string): Promise<Machine> {
  const home = await temporaryFolder()
  const inherited = Object.entries(process.env).filter(([name]) => KEPT.test(name))
  const environment: NodeJS.ProcessEnv = {
    ...Object.fromEntries(inherited),
    PATH: [join(PYTHON_ENVIRONMENT, 'bin'), process.env.PATH, UNPACKED_TOOLS].join(delimiter),
    HOME: home,
    HF_ENDPOINT: hubUrl,
    HF_HOME: join(home, 'huggingface'),
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONIOENCODING: 'utf-8',
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    ...(token ? { HF_TOKEN: token } : {}),
  }
  await writeFile(
    join(home, '.gitconfig'),
    [
      '[user]\n\tname = Ada\n\temail = ada@example.com',
      '[init]\n\tdefaultBranch = main',
      '[advice]\n\tdetachedHead = false',
      // What `git lfs install` writes.
      '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f',
      '\tprocess = git-lfs filter-process\n\trequired = true\n',
    ].join('\n'),
  )

  const attempt = (command: string, args: readonly string[], place: Place = {}) =>
    new Promise<Ran>((settle, reject) => {
      const child = spawn(command, args, { cwd: place.cwd ?? home, env: { ...environment, ...place.env } })
      const stdout: Buffer[] = []
      const stderr: Buffer[] = []
      child.stdout.on('data', (bytes: Buffer) => stdout.push(bytes))
      child.stderr.on('data', (bytes: Buffer) => stderr.push(bytes))
      child.on('error', reject)
      child.on('close', (code, signal) =>
        settle({
          code: code ?? signal ?? 'unknown',
          stdout: Buffer.concat(stdout).toString('utf8'),
          stderr: Buffer.concat(stderr).toString('utf8'),
        }),
      )
      child.stdin.on('error', () => {}) // a program that does not read its input is fine
      child.stdin.end(place.input ?? '')
    })
  const run = async (command: string, args: readonly string[], place?: Place) => {
    const ran = await attempt(command, args, place)
    if (ran.code === 0) return ran.stdout
    throw new Error(`\`${[command, ...args].join(' ')}\` ended with ${ran.code}:\n${ran.stdout}${ran.stderr}`)
  }
  return {
    home,
    attempt,
    run,
    python: async (name, input, place) => {
      const script = join(import.meta.dirname, 'python', `${name}.py`)
      const printed = await run('python', [script, JSON.stringify(input)], place)
      return JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '')
    },
  }
}

/** An empty folder; removed when the file's tests are done. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'banyan-client-'))
  homes.push(folder)
  return folder
}

/** A new folder with these files in it, named by their paths. */
export async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder()
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

/** A new folder that is a copy of `source`. */
export async function copyOf(source: string): Promise<string> {
  const folder = await temporaryFolder()
  await cp(source, folder, { recursive: true })
  return folder
}

afterAll(async () => {
  for (const home of homes.splice(0)) await rm(home, { recursive: true, force: true })
})
