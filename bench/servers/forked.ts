import { type ChildProcess, fork } from 'node:child_process'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Bench } from '../kit/bench.ts'

/** A reference server in a process of its own, as the hub is. */
export interface ForkedServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly port: number
  readonly pid: number
}

/** Starts the script of this name in `bench/servers/`, which calls `serve`; ends with the figure. */
export async function startForked(bench: Bench, script: string, options: unknown): Promise<ForkedServer> {
  const child = fork(new URL(script, import.meta.url), { serialization: 'advanced' })
  bench.defer(() => stop(child))
  child.send({ options })
  const port = await new Promise<number>((settle, reject) => {
    child.once('message', message => settle(message as number))
    child.once('exit', code => reject(new Error(`${script} ended with ${code} before it listened`)))
    child.once('error', reject)
  })
  return { url: `http://127.0.0.1:${port}`, port, pid: child.pid ?? 0 }
}

/** The other side: makes the server from the options that were sent, listens on a free port, tells which. */
export function serve<Options>(
  make: (options: Options) => Promise<{ listen(port: number, host: string): Promise<number> }>,
): void {
  process.once('message', async message => {
    const server = await make((message as { options: Options }).options)
    process.send?.(await server.listen(0, '127.0.0.1'))
  })
  process.once('disconnect', () => process.exit(0))
}

/** For servers of plain `node:http`. */
export function plainServer(listener: RequestListener): {
  listen(port: number, host: string): Promise<number>
} {
  const server: Server = createServer(listener)
  return {
    listen: (port, host) =>
      new Promise(settle => {
        server.listen(port, host, () => settle((server.address() as AddressInfo).port))
      }),
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise(settle => child.once('exit', settle))
  child.kill('SIGTERM')
  await ended
}
