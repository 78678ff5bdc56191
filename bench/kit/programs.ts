import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { PYTHON_ENVIRONMENT, UNPACKED_TOOLS } from '../../test/setup/places.ts'
import type { Bench } from './bench.ts'

/** What is let through from the environment of whoever measures. */
const kept = /^(PATH|TMPDIR|LANG|LC_.*|LD_LIBRARY_PATH)$/

/** A client's machine: a fresh home, so nothing is cached from before, and no setting of whoever measures. */
export interface Machine {
  readonly home: string
  /** Runs a program to its end. Rejects with all that it printed when it fails. */
  run(command: string, args: readonly string[], cwd?: string): Promise<string>
}

/** The pinned Python clients and git-lfs are on its PATH; `settings` are environment variables. */
export async function newMachine(
  bench: Bench,
  settings: Readonly<Record<string, string>> = {},
): Promise<Machine> {
  const home = await bench.folder()
  const environment = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name))),
    PATH: [join(PYTHON_ENVIRONMENT, 'bin'), process.env.PATH, '/usr/sbin', UNPACKED_TOOLS].join(delimiter),
    HOME: home,
    HF_HOME: join(home, 'huggingface'),
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_PROGRESS_BARS: '1',
    GIT_CONFIG_GLOBAL: join(home, '.gitconfig'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    ...settings,
  }
  await writeFile(
    join(home, '.gitconfig'),
    [
      '[user]\n\tname = Ada\n\temail = ada@example.com',
      '[init]\n\tdefaultBranch = main',
      // What `git lfs install` writes.
      '[filter "lfs"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f',
      '\tprocess = git-lfs filter-process\n\trequired = true\n',
    ].join('\n'),
  )
  return {
    home,
    run: (command, args, cwd = home) =>
      new Promise((settle, reject) => {
        const child = spawn(command, args, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
        const printed: Buffer[] = []
        let complaints = ''
        child.stdout.on('data', (bytes: Buffer) => printed.push(bytes))
        child.stderr.on('data', (bytes: Buffer) => {
          complaints += bytes
        })
        child.on('error', reject)
        child.on('close', (code, signal) => {
          const output = Buffer.concat(printed).toString('utf8')
          if (code === 0) settle(output)
          else
            reject(
              new Error(
                `\`${[command, ...args].join(' ')}\` ended with ${code ?? signal}:\n${output}${complaints}`,
              ),
            )
        })
      }),
  }
}
