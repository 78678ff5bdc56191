import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { tmpdir } from 'node:os'
import { LimitExceeded } from '../../kernel/errors.ts'

/** One run of the git program. */
export interface GitRun {
  readonly args: readonly string[]
  /** Folder in which it runs and that it takes for its user's home; holds no git configuration. */
  readonly home: string
  /** On top of the hermetic environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Its standard input. When git ends early the rest is read and dropped, so that whoever sends it can get an answer. */
  readonly input?: AsyncIterable<Uint8Array | string>
  /** Ends the run. */
  readonly signal?: AbortSignal
  readonly limits?: GitLimits
}

interface GitLimits {
  /** Nothing was read or written for so long. */
  readonly idleMs: number
  readonly totalMs: number
  /** Processor time of the program itself: what few bytes inflate to may keep it busy for hours. */
  readonly cpuSeconds?: number
}

export const defaultLimits: GitLimits = { idleMs: 10 * 60_000, totalMs: 4 * 3600_000 }
/** What git says about a failure comes last, so the end is kept. */
const keptStderrBytes = 16 * 1024

export interface RunningGit {
  /** Standard output as it comes, with backpressure. Leaving the loop early ends git. Ends without error however git ends. */
  readonly output: AsyncIterable<Uint8Array>
  /** Settles once git has ended. Rejects with what broke the input, GitTimedOut, GitAborted, or GitFailed. */
  readonly ended: Promise<void>
}

/** strerror(3) in the C locale. */
const diskWords = [
  ['No space left on device', 'ENOSPC'],
  ['Disk quota exceeded', 'EDQUOT'],
  ['File too large', 'EFBIG'],
  ['Read-only file system', 'EROFS'],
] as const

/** Git ended with an error. `stderr` is for the log; it may name local paths. */
export class GitFailed extends Error {
  readonly stderr: string
  /** As of a system error, when git has failed because of the disk. */
  readonly code: string | undefined
  constructor(command: string, status: number | string, stderr: string) {
    super(`git ${command} ended with ${status}: ${stderr.trim() || 'it said nothing'}`)
    this.name = 'GitFailed'
    this.stderr = stderr
    this.code = diskWords.find(([words]) => stderr.includes(words))?.[1]
  }
}

export class GitTimedOut extends Error {
  constructor(command: string, limit: string, milliseconds: number) {
    super(`git ${command} was ended: ${limit} ${Math.round(milliseconds / 1000)} s`)
    this.name = 'GitTimedOut'
  }
}

/** Whom the output was for has gone. */
export class GitAborted extends Error {
  constructor(command: string) {
    super(`git ${command} was ended: nobody waits for it any more`)
    this.name = 'GitAborted'
  }
}

/**
 * Starts git on its own: no configuration but that of the repository, no prompt, no variable of ours, English
 * messages. It leads a process group, so that what it starts itself (pack-objects) ends with it.
 */
export function runGit(run: GitRun): RunningGit {
  const command = run.args.find((arg, at) => !arg.startsWith('-') && run.args[at - 1] !== '-c') ?? ''
  const limits = run.limits ?? defaultLimits
  const [program, args] = commandOf(run.args, limits.cpuSeconds)
  const child = spawn(program, args, {
    cwd: run.home,
    env: { ...hermeticEnvironment(run.home), ...run.env },
    stdio: 'pipe',
    detached: true,
  })
  let fault: unknown
  let isOver = false
  const endWith = (reason: unknown) => {
    fault ??= reason
    if (!isOver) killGroup(child)
  }

  const total = setTimeout(
    () => endWith(new GitTimedOut(command, 'it took over', limits.totalMs)),
    limits.totalMs,
  )
  const idle = setTimeout(
    () => endWith(new GitTimedOut(command, 'nothing moved for', limits.idleMs)),
    limits.idleMs,
  )
  const onAbort = () => endWith(new GitAborted(command))
  if (run.signal?.aborted) onAbort()
  run.signal?.addEventListener('abort', onAbort)

  const stderr = keepEnd(child)
  const ended = (async () => {
    try {
      const status = await exitOf(child)
      await stderr.closed
      if (fault) throw fault
      if (status === 'SIGXCPU' && limits.cpuSeconds !== undefined)
        throw new GitTimedOut(command, 'it computed for', limits.cpuSeconds * 1000)
      if (status !== 0) throw new GitFailed(command, status, stderr.text())
    } finally {
      isOver = true
      clearTimeout(total)
      clearTimeout(idle)
      run.signal?.removeEventListener('abort', onAbort)
    }
  })()
  // Those who only read the output may ignore it.
  ended.catch(() => {})

  feed(child, run.input, () => idle.refresh()).catch(endWith)

  async function* output(): AsyncGenerator<Uint8Array> {
    let isRead = false
    try {
      for await (const piece of child.stdout) {
        idle.refresh()
        yield piece as Uint8Array
      }
      isRead = true
    } finally {
      if (!isRead) endWith(new GitAborted(command))
    }
  }
  return { output: output(), ended }
}

/** Runs git to its end and returns what it printed. Throws as `ended` does, and LimitExceeded over `limit` bytes. */
export async function gitText(run: GitRun, limit = 64 * 1024): Promise<string> {
  const git = runGit(run)
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of git.output) {
    length += piece.length
    if (length > limit) throw new LimitExceeded(`output of git ${run.args.join(' ')}`, limit, 'bytes')
    pieces.push(piece)
  }
  await git.ended
  return Buffer.concat(pieces).toString('utf8')
}

/** Lines without their `\n`. A line over 64 KiB is LimitExceeded. */
export async function* linesOf(output: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const limit = 64 * 1024
  let held: Buffer = Buffer.alloc(0)
  for await (const piece of output) {
    held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece])
    let start = 0
    for (let end = held.indexOf(10); end >= 0; end = held.indexOf(10, start)) {
      yield held.toString('utf8', start, end)
      start = end + 1
    }
    held = held.subarray(start)
    if (held.length > limit) throw new LimitExceeded('line of git output', limit, 'bytes')
  }
  if (held.length > 0) yield held.toString('utf8')
}

let known: Promise<void> | undefined

/** Throws unless git is on PATH and new enough. Asked once; a refusal is asked again, since git may be installed meanwhile. */
export function requireGit(): Promise<void> {
  known ??= checkVersion().catch(error => {
    known = undefined
    throw error
  })
  return known
}

async function checkVersion(): Promise<void> {
  const text = await gitText({
    args: ['version'],
    home: tmpdir(),
    limits: { idleMs: 10_000, totalMs: 10_000 },
  })
  const [, major = '0', minor = '0'] = /^git version (\d+)\.(\d+)/.exec(text) ?? []
  if (Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 20)) return
  throw new Error(`git 2.20 or newer is needed for clone and push; on PATH is "${text.trim()}"`)
}

function hermeticEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    LC_ALL: 'C',
  }
}

/** Only a shell can set the limit of a process that is not there yet (setrlimit(2)). */
function commandOf(args: readonly string[], cpuSeconds: number | undefined): [string, string[]] {
  if (cpuSeconds === undefined) return ['git', [...args]]
  return ['sh', ['-c', 'ulimit -S -t "$0" && exec git "$@"', String(cpuSeconds), ...args]]
}

function killGroup(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended in this moment.
  }
}

async function exitOf(child: ChildProcessWithoutNullStreams): Promise<number | string> {
  return await new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'no status'))
    child.once('error', error => {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
      reject(
        isMissing
          ? new Error('the program git is not on PATH; clone and push need git 2.20 or newer')
          : error,
      )
    })
  })
}

function keepEnd(child: ChildProcessWithoutNullStreams): { closed: Promise<void>; text: () => string } {
  let kept: Buffer = Buffer.alloc(0)
  child.stderr.on('data', (piece: Buffer) => {
    kept = Buffer.concat([kept, piece]).subarray(-keptStderrBytes)
  })
  const closed = new Promise<void>(resolve => child.stderr.once('close', resolve))
  return { closed, text: () => kept.toString('utf8') }
}

async function feed(
  child: ChildProcessWithoutNullStreams,
  input: AsyncIterable<Uint8Array | string> | undefined,
  onPiece: () => void,
): Promise<void> {
  const { stdin } = child
  // Git that ends early breaks the pipe; its exit status tells more.
  stdin.on('error', () => {})
  for await (const piece of input ?? []) {
    onPiece()
    if (stdin.destroyed || stdin.write(piece)) continue
    await new Promise<void>(resolve => {
      const go = () => {
        stdin.off('drain', go).off('close', go)
        resolve()
      }
      stdin.on('drain', go).on('close', go)
    })
  }
  stdin.end()
}
