import { fork } from 'node:child_process'
import type { Load, Served } from './request-load.ts'

/** Runs the load generator to its end. */
export function putLoad(load: Load): Promise<Served> {
  return startLoad(load).served
}

/** Starts the load generator; `stop` ends it before its time. */
export function startLoad(load: Load): { served: Promise<Served>; stop(): void } {
  const child = fork(new URL('./request-load.ts', import.meta.url))
  const served = new Promise<Served>((settle, reject) => {
    child.once('message', message => settle(message as Served))
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`the load generator ended with ${code}`)))
  })
  child.send(load)
  return {
    served,
    stop: () => {
      if (child.connected) child.send('stop')
    },
  }
}
