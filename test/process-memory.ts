import { readFile, writeFile } from 'node:fs/promises'

/** Memory of processes as Linux counts it; there is no such figure elsewhere. */

/** MiB that the process holds now. */
export function residentMemory(pid: number): Promise<number> {
  return readStatus(pid, 'VmRSS')
}

/** MiB that the process holds at most while `work` goes on. */
export async function peakDuring(pid: number, work: () => Promise<unknown>): Promise<number> {
  await forgetPeak(pid)
  await work()
  return peakMemory(pid)
}

/** MiB that the process held at most since its start or the last `forgetPeak`. */
export function peakMemory(pid: number): Promise<number> {
  return readStatus(pid, 'VmHWM')
}

/** `man 5 proc_pid_clear_refs`. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5')
}

async function readStatus(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]
  if (!kibibytes) throw new Error(`the system does not tell ${field} of a process`)
  return Number(kibibytes) / 1024
}
