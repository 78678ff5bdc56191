import { fork } from 'node:child_process'
import type { Load, Served } from './request-load.ts'

/** Runs the load generator to its end. */
export function putLoad(load: Load): Promise<Served> {
  return new Promise((settle, reject) => {
    const child = fork(new URL('./request-load.ts', import.meta.url))
    child.once('message', message => settle(message as Served))
    child.once('error', reject)
    child.once('exit', code => reject(new Error(`the load generator ended with ${code}`)))
    child.send(load)
  })
}
