import { type Bench, megabytesPerSecond, seconds } from './bench.ts'
import type { Rounds } from './figure.ts'
import { type Machine, newMachine } from './programs.ts'
import type { StoredFile } from './stored-file.ts'

/** MB/s of one curl that fetches the whole file and throws it away. */
export async function compareOneClient(bench: Bench, stored: StoredFile): Promise<Rounds> {
  const machine = await newMachine(bench)
  return compareDownloads(bench, stored, 5, url => fetchWhole(machine, url, stored.size))
}

/** MB/s of eight curls together. */
export async function compareCrowd(bench: Bench, stored: StoredFile): Promise<Rounds> {
  const machine = await newMachine(bench)
  return compareDownloads(bench, stored, 3, url => fetchByCrowd(machine, url, stored.size))
}

async function compareDownloads(
  bench: Bench,
  stored: StoredFile,
  rounds: number,
  download: (url: string) => Promise<number>,
): Promise<Rounds> {
  const measure = async (url: string) => {
    let bytes = 0
    const duration = await seconds(async () => {
      bytes = await download(url)
    })
    return megabytesPerSecond(bytes, duration)
  }
  return bench.interleave({
    rounds,
    warmUp: true,
    ours: () => measure(stored.hubUrl),
    reference: () => measure(stored.nginxUrl),
  })
}

/** One curl that fetches the whole file. Its bytes. */
export function fetchWhole(machine: Machine, url: string, size: number): Promise<number> {
  return fetchAndDrop(machine, url, size, [])
}

/** Eight clients at once, each of which fetches a quarter of the file by Range, so two the same. Bytes of all. */
export async function fetchByCrowd(machine: Machine, url: string, size: number): Promise<number> {
  const part = Math.floor(size / 4)
  const clients = Array.from({ length: 8 }, (_, i) => {
    const start = (i % 4) * part
    return fetchAndDrop(machine, url, part, ['-r', `${start}-${start + part - 1}`])
  })
  return (await Promise.all(clients)).reduce((sum, bytes) => sum + bytes, 0)
}

/** One curl; fails unless exactly `expected` bytes come. */
async function fetchAndDrop(
  machine: Machine,
  url: string,
  expected: number,
  options: readonly string[],
): Promise<number> {
  const args = ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', ...options, url]
  const got = Number(await machine.run('curl', args))
  if (got !== expected) throw new Error(`${url} gave ${got} bytes, not ${expected}`)
  return got
}
