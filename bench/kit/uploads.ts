import { rm } from 'node:fs/promises'
import { type Bench, seconds } from './bench.ts'
import { newMachine } from './programs.ts'

/** `hf upload` of one file by hf_xet, from a machine that has never done so before. Seconds, Python's start included. */
export async function uploadByHf(
  bench: Bench,
  endpoint: string,
  token: string,
  repo: string,
  file: string,
  path: string,
): Promise<number> {
  const machine = await newMachine(bench, { HF_ENDPOINT: endpoint, HF_TOKEN: token })
  const duration = await seconds(() => machine.run('hf', ['upload', repo, file, path]))
  await rm(machine.home, { recursive: true })
  return duration
}
