import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const BANYAN = resolve(import.meta.dirname, '../bin/banyan')
const READY_WITHIN_MS = 30_000
const STOPPED_WITHIN_MS = 15_000

interface Account {
  readonly name: string
  readonly token: string
}

/** A real hub: the process that `bin/banyan serve` becomes, on its own data folder and a free port. */
export interface Hub {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  /** Its data folder. Gone after `stop`. */
  readonly data: string
  /** May write; owns what the tests make; admin of the organisation `acme`. Added before the start. */
  readonly owner: Account
  /** May write his own, owns nothing. Added while the hub was running. */
  readonly stranger: Account
  /** The owner's token. */
  readonly token: string
  /** Of the process that runs. */
  pid(): number
  /** All that the process has printed so far, on both streams. */
  logs(): string
  /** The same, with all that it has to say of requests answered so far: lines wait for each other before they are written. */
  wholeLog(): Promise<string>
  /** Runs `bin/banyan ARGS --data …` on the same data; rejects when it fails. Gives standard output. */
  runCli(args: readonly string[], input?: string): Promise<string>
  /** Stops the process as an operator would (SIGTERM) and starts it again on the same data and port. */
  restart(): Promise<void>
  /** Takes the process away without a word (SIGKILL), as a power cut or the kernel does. */
  kill(): Promise<void>
  /** Starts it again after `kill`, on the same data and port. */
  start(): Promise<void>
  /** Stops the process and removes its data. Rejects when it did not end by itself with 0. */
  stop(): Promise<void>
}

/**
 * Starts a hub and waits until it is ready, on a data folder of its own or one that is given. Rejects with its log when
 * it does not come up.
 */
export async function startHub(place: { data?: string; flags?: readonly string[] } = {}): Promise<Hub> {
  const data = place.data ?? (await mkdtemp(join(tmpdir(), 'banyan-data-')))
  const owner = { name: 'ada', token: `hf_${'AdaOwnsWhatTheTestsMake'.padEnd(34, '0')}` }
  const stranger = { name: 'bob', token: `hf_${'BobIsAStranger'.padEnd(34, '0')}` }
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let log = ''
  let server: ChildProcess | undefined

  const runCli = (args: readonly string[], input = '') => runBanyan([...args, '--data', data], input)
  const addUser = (account: Account) =>
    runCli([
      'user',
      'add',
      account.name,
      '--token',
      account.token,
      '--token-name',
      'tests',
      '--token-role',
      'write',
    ])

  const start = async () => {
    const child = spawn(BANYAN, ['serve', '--port', String(port), '--data', data, ...(place.flags ?? [])], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: withoutSettings(),
    })
    server = child
    const keep = (text: Buffer) => {
      log += text
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    await untilReady(child, `${url}/readyz`, () => log)
  }
  const halt = async () => {
    if (!server) return
    const code = await end(server)
    server = undefined
    if (code !== 0) throw new Error(`the hub ended with ${code} after SIGTERM; its log:\n${log}`)
  }

  try {
    await addUser(owner)
    await start()
    await addUser(stranger)
    await runCli(['org', 'add', 'acme', '--member', `${owner.name}:admin`])
  } catch (error) {
    if (server) await end(server)
    await rm(data, { recursive: true, force: true })
    throw error
  }
  return {
    url,
    port,
    data,
    owner,
    stranger,
    token: owner.token,
    pid: () => server?.pid ?? 0,
    logs: () => log,
    async wholeLog() {
      const mark = randomUUID()
      await fetch(`${url}/${mark}`)
      for (const deadline = Date.now() + 10_000; !log.includes(mark); ) {
        if (Date.now() > deadline) throw new Error(`the hub did not log a request; its log:\n${log}`)
        await sleep(20)
      }
      return log
    },
    runCli,
    restart: async () => {
      await halt()
      await start()
    },
    kill: async () => {
      const killed = server
      if (!killed) return
      server = undefined
      const gone = new Promise(settle => killed.once('exit', settle))
      killed.kill('SIGKILL')
      await gone
    },
    start,
    stop: async () => {
      try {
        await halt()
      } finally {
        await rm(data, { recursive: true, force: true })
      }
    },
  }
}

/** Runs the command as a person would; rejects with all that it printed when it fails. Gives standard output. */
export async function runBanyan(
  args: readonly string[],
  input = '',
  place: { command?: string; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const child = spawn(place.command ?? BANYAN, args, {
    cwd: place.cwd ?? process.cwd(),
    env: { ...withoutSettings(), ...place.env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (text: Buffer) => {
    stdout += text
  })
  child.stderr.on('data', (text: Buffer) => {
    stderr += text
  })
  child.stdin.on('error', () => {}) // a command that does not read its input is fine
  child.stdin.end(input)
  const code = await new Promise((settle, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => settle(status ?? signal))
  })
  if (code !== 0) throw new Error(`banyan ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
  return stdout
}

/** The environment without settings of whoever runs the tests, or of what runs them. */
function withoutSettings(): NodeJS.ProcessEnv {
  const foreign = /^(BANYAN_(?!NODE$)|VITEST|NODE_(ENV|OPTIONS)$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)))
}

/** A port of the loopback address on which nobody listens now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((settle, reject) => {
    server.on('error', reject)
    server.listen(0, '127.0.0.1', settle)
  })
  const address = server.address()
  await new Promise(settle => server.close(settle))
  if (!address || typeof address === 'string') throw new Error('the system gave no port')
  return address.port
}

async function untilReady(server: ChildProcess, url: string, log: () => string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS
  while (Date.now() < deadline) {
    if (server.exitCode !== null || server.signalCode !== null) {
      throw new Error(
        `the hub ended at its start with ${server.exitCode ?? server.signalCode}; its log:\n${log()}`,
      )
    }
    const answer = await fetch(url).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.status === 200) return
    await new Promise(settle => setTimeout(settle, 50))
  }
  await end(server)
  throw new Error(`the hub was not ready after ${READY_WITHIN_MS} ms; its log:\n${log()}`)
}

/** SIGTERM, and the exit code; 'SIGKILL' when it had to be killed. */
async function end(server: ChildProcess): Promise<number | string | null> {
  if (server.exitCode !== null || server.signalCode !== null) return server.exitCode ?? server.signalCode
  const ended = new Promise<void>(settle => server.once('exit', () => settle()))
  server.kill('SIGTERM')
  const impatience = setTimeout(() => server.kill('SIGKILL'), STOPPED_WITHIN_MS)
  await ended
  clearTimeout(impatience)
  return server.exitCode ?? server.signalCode
}
