import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Hub } from '../hub.ts'

/** The settings of a Python client of this hub. */
export function clientOf(hub: Hub): NodeJS.ProcessEnv {
  return {
    HF_ENDPOINT: hub.url,
    HF_HUB_DISABLE_TELEMETRY: '1',
    HF_HUB_DISABLE_UPDATE_CHECK: '1',
    DISABLE_SYMLINKS_IN_WINDOWS_TESTS: '1',
    PYTHONIOENCODING: 'utf-8',
    // Tables are as wide as the terminal, and tests look for whole words.
    COLUMNS: '200',
  }
}

/** Runs the Python of a virtual environment; what it printed on both streams, standard output last. */
export async function runProgram(
  environmentFolder: string,
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  const child = spawn(join(environmentFolder, 'bin/python'), args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${join(environmentFolder, 'bin')}:${process.env.PATH}`, HOME: cwd, ...environment },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text: Buffer) => {
    stdout += text
  })
  child.stderr.on('data', (text: Buffer) => {
    stderr += text
  })
  const code = await new Promise<number>((settle, reject) => {
    child.on('error', reject)
    child.on('close', status => settle(status ?? -1))
  })
  return { code, output: stderr + stdout }
}
