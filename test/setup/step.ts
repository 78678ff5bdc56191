import { type SpawnOptions, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CACHE } from './places.ts'

/** Something that tests need. It is made once, and again whenever what it is made from has changed. */
export interface Step {
  /** One word, the name of its stamp. */
  readonly name: string
  /** For people: what is being installed. */
  readonly title: string
  /** All that the result depends on: contents of lists, versions of tools, places. */
  inputs(): Promise<readonly string[]>
  /** Makes it, over whatever an earlier or broken run has left. Throws SetupFailed with what to do. */
  make(): Promise<void>
}

/** The message tells a person what is missing and how to get it. */
export class SetupFailed extends Error {}

/** Makes the step unless its stamp says that this was done from the same inputs. */
export async function ensure(step: Step, say: (line: string) => void): Promise<void> {
  const hash = createHash('sha256')
  for (const input of await step.inputs()) hash.update(`${Buffer.byteLength(input)}:${input}`)
  const wanted = hash.digest('hex')
  const stamp = join(CACHE, 'stamps', step.name)
  if ((await readFile(stamp, 'utf8').catch(() => '')) === wanted) {
    say(`${step.title}: ready`)
    return
  }
  say(`${step.title}: installing`)
  const started = Date.now()
  await rm(stamp, { force: true })
  await step.make()
  await mkdir(join(CACHE, 'stamps'), { recursive: true })
  await writeFile(stamp, wanted)
  say(`${step.title}: done in ${Math.round((Date.now() - started) / 1000)} s`)
}

/**
 * Runs a program to its end and gives what it printed on standard output. While it runs, its last line is shown every
 * five seconds. Throws SetupFailed with all that it printed when it fails.
 */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<string> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let all = ''
  child.stdout?.on('data', (text: Buffer) => {
    stdout += text
    all += text
  })
  child.stderr?.on('data', (text: Buffer) => {
    all += text
  })
  const started = Date.now()
  const heartbeat = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000)
    console.log(`      ${seconds} s: ${(all.trimEnd().split('\n').at(-1) ?? '').trim().slice(0, 100)}`)
  }, 5000)
  try {
    const code = await new Promise<number | string>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (status, signal) => resolve(status ?? signal ?? 'unknown'))
    })
    if (code !== 0)
      throw new SetupFailed(`\`${[command, ...args].join(' ')}\` ended with ${code}:\n${all.trim()}`)
    return stdout
  } finally {
    clearInterval(heartbeat)
  }
}

/** What a program prints, or undefined when it is missing or fails. */
export async function probe(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(command, args)).trim()
  } catch {
    return undefined
  }
}
