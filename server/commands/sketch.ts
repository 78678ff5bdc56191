import { readdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import { Command } from 'commander'
import { createReader } from '../domains/sketches/index.ts'
import { MalformedInput } from '../kernel/errors.ts'
import { type LocalFile, openLocalFile } from './local-file.ts'

export function sketchCommand(): Command {
  return new Command('sketch')
    .description('sketch the weights in a file or folder of this machine; no hub is needed')
    .argument('<path>', 'a file of weights, or the folder of a model')
    .option('-o, --output <file>', 'where the sketch goes (NAME.sketch beside where you are)')
    .addHelpText(
      'after',
      `
A sketch holds some hundred sampled values of each tensor: what a hub needs to tell which family a model belongs to.
"banyan lineage identify FILE --hub URL" asks one.`,
    )
    .action(async (path: string, { output }: { output?: string }) => {
      const { sketch, format, parameters, findings } = await sketchLocal(path)
      for (const { file, message } of findings) process.stderr.write(`${file}: ${message}\n`)
      const target = output ?? `${basename(path).replace(/\.[^.]+$/, '') || 'model'}.sketch`
      await writeFile(target, sketch)
      process.stdout.write(`${target}: ${format}, ${parameters} parameters, ${sketch.length} bytes\n`)
    })
}

/** Throws MalformedInput when there are no weights that can be read. */
export async function sketchLocal(path: string) {
  const isFile = (await stat(path)).isFile()
  const folder = isFile ? dirname(path) : path
  const names = isFile ? await readdir(folder) : await readdir(folder, { recursive: true })
  const files: { path: string; size: number }[] = []
  for (const name of names) {
    const found = await stat(join(folder, name))
    if (found.isFile()) files.push({ path: name.split(sep).join('/'), size: found.size })
  }
  const opened = new Map<string, LocalFile>()
  const reader = createReader()
  try {
    const open = async (name: string) => {
      const file = opened.get(name) ?? (await openLocalFile(join(folder, name)))
      opened.set(name, file)
      return file
    }
    const read = await reader.read({ list: () => files, open }, isFile ? relative(folder, path) : undefined)
    if (!read?.sketch) {
      const why = read?.findings.map(({ file, message }) => `; ${file}: ${message}`).join('') ?? ''
      throw new MalformedInput(path, `holds no weights that can be read${why}`)
    }
    return { ...read, sketch: read.sketch }
  } finally {
    await reader.close()
    for (const file of opened.values()) await file.close()
  }
}
