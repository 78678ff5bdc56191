import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { NewFile } from './hub-client.ts'
import type { Machine } from './programs.ts'

/** An empty git repository that is as durable as the hub: all is on disk before git says so. */
export async function initDurable(machine: Machine, folder: string): Promise<void> {
  await machine.run('git', ['init', '-q', folder])
  await machine.run('git', ['config', 'core.fsync', 'all'], folder)
  await machine.run('git', ['config', 'core.fsyncMethod', 'fsync'], folder)
}

export async function writeFiles(folder: string, files: readonly NewFile[]): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), content)
  }
}

export async function addAndCommit(machine: Machine, folder: string): Promise<void> {
  await machine.run('git', ['add', '-A'], folder)
  await machine.run('git', ['commit', '-q', '-m', 'Add files'], folder)
}
