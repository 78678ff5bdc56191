import { type Bench, megabytesPerSecond, seconds } from './bench.ts'
import type { Rounds } from './figure.ts'
import { type Machine, newMachine } from './programs.ts'
import type { StoredFile } from './stored-file.ts'

/** MB/s of all clients together; each is a curl that fetches the whole file and throws it away. */
export async function compareDownloads(bench: Bench, stored: StoredFile, clients: number): Promise<Rounds> {
  const machine = await newMachine(bench)
  const measure = async (url: string) => {
    const duration = await seconds(() => fetchTogether(machine, url, stored.size, clients))
    return megabytesPerSecond(stored.size * clients, duration)
  }
  return bench.interleave({
    rounds: clients === 1 ? 5 : 3,
    warmUp: true,
    ours: () => measure(stored.hubUrl),
    reference: () => measure(stored.nginxUrl),
  })
}

/** So many clients at once, each of which fetches the whole file. */
export async function fetchTogether(
  machine: Machine,
  url: string,
  size: number,
  clients: number,
): Promise<void> {
  await Promise.all(Array.from({ length: clients }, () => fetchWhole(machine, url, size)))
}

async function fetchWhole(machine: Machine, url: string, size: number): Promise<void> {
  const got = await machine.run('curl', ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', url])
  if (Number(got) !== size) throw new Error(`${url} gave ${got} bytes, not ${size}`)
}
