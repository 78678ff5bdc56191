import type { ByteSource } from '../../formats/byte-source.ts'
import { matrixShape } from '../../formats/matrix.ts'
import { readPickle } from '../../formats/pickle.ts'
import { findTensors, isHarmless, type TorchTensor } from '../../formats/torch-state.ts'
import { isZip, readZipDirectory, type ZipEntry, zipEntrySource } from '../../formats/zip-directory.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { type Finding, type OpenedPart, refusal, type StoredTensor, storedTensor } from './weight-tensor.ts'

/** Some hundred bytes a tensor: real ones are far shorter. */
const pickleLimit = 8 * 1024 * 1024
/** Pickles one after the other in a file that is no archive. */
const sequenceLimit = 64
/** Begins every pickle but those of the oldest protocols. */
const protocolOpcode = 0x80

/**
 * Tensors of a checkpoint or a TorchScript module, an archive that `torch.save` or `torch.jit.save` wrote. Of any other file
 * only its pickles are looked at, for what loading it would run. Throws MalformedInput or LimitExceeded.
 */
export async function openPytorch(file: string, source: ByteSource): Promise<OpenedPart> {
  const head = await source.read(0, Math.min(4, source.size))
  return isZip(head) ? openArchive(file, source) : scanPickles(file, source)
}

async function openArchive(file: string, source: ByteSource): Promise<OpenedPart> {
  const entries = await readZipDirectory(source)
  const byName = new Map(entries.map(entry => [entry.name, entry]))
  const pickles = entries.filter(({ name }) => /(^|\/)(data|constants)\.pkl$/.test(name))
  if (pickles.length === 0)
    throw new MalformedInput(file, 'is a ZIP archive without data.pkl, what torch writes')
  await checkByteOrder(source, entries)
  const tensors: StoredTensor[] = []
  const findings: Finding[] = []
  const globals = new Set<string>()
  for (const pickle of pickles) {
    try {
      const state = findTensors(await readEntry(source, pickle, globals))
      for (const { name, kind } of state.others)
        findings.push({
          kind: 'unsupported',
          file,
          message: `${quote(name)} is made by ${kind}, which is not read`,
        })
      const folder = pickle.name.replace(/\.pkl$/, '/')
      // TorchScript numbers its constants.
      const prefix = pickle.name.endsWith('constants.pkl') ? 'constants.' : ''
      for (const tensor of state.tensors) {
        const name = `${prefix}${tensor.name}`
        const placed = place(file, source, byName.get(`${folder}${tensor.storage.key}`), { ...tensor, name })
        if ('matrix' in placed) tensors.push(placed)
        else findings.push({ ...placed, file, message: `tensor ${quote(name)} ${placed.message}` })
      }
    } catch (error) {
      findings.push(refusal(file, error))
    }
  }
  return { tensors, findings: [...unsafe(file, globals), ...findings] }
}

async function readEntry(source: ByteSource, entry: ZipEntry, globals: Set<string>) {
  if (!entry.isStored) throw new MalformedInput(entry.name, 'is compressed; torch stores it as it is')
  if (entry.size > pickleLimit) throw new LimitExceeded(entry.name, pickleLimit, 'bytes', entry.size)
  return readPickle(await zipEntrySource(source, entry).read(0, entry.size), 0, globals).value
}

async function checkByteOrder(source: ByteSource, entries: readonly ZipEntry[]): Promise<void> {
  const entry = entries.find(({ name, size }) => /(^|\/)byteorder$/.test(name) && size < 100)
  if (!entry) return
  const order = Buffer.from(await zipEntrySource(source, entry).read(0, entry.size)).toString('utf8')
  if (order !== 'little') throw new MalformedInput('byteorder', `is ${quote(order)}; "little" is read`)
}

/** The tensor, or what is wrong with it. */
function place(
  file: string,
  source: ByteSource,
  entry: ZipEntry | undefined,
  { name, shape, strides, offset, storage }: TorchTensor,
): StoredTensor | Pick<Finding, 'kind' | 'message'> {
  const { type, length } = storage
  const wrong = (message: string) => ({ kind: 'malformed' as const, message })
  const lies = `lies in storage ${quote(storage.key)}`
  if (!entry) return wrong(`${lies}, which is not there`)
  if (!entry.isStored) return wrong(`${lies}, which is compressed: torch stores it as it is`)
  if (length * type.bytes > entry.size)
    return wrong(`${lies} of ${length} values; there are ${entry.size} bytes`)
  const isEmpty = shape.includes(0)
  const lastValue = shape.reduce((sum, size, n) => sum + (size - 1) * strides[n]!, offset)
  if (!isEmpty && !(lastValue < length)) return wrong(`ends at value ${lastValue + 1} of ${length}`)
  const { rows, columns } = matrixShape(shape)
  if (!Number.isSafeInteger(rows * columns)) return wrong('has a shape that is too large')
  const flat = isEmpty ? ([1, 1] as const) : flatten(shape, strides)
  if (!flat) return { kind: 'unsupported', message: 'has its dimensions in an order that is not read' }
  const bytes = { source: zipEntrySource(source, entry), begin: offset * type.bytes, type, strides: flat }
  return storedTensor({ name, shape, file }, bytes)
}

/** Strides of the matrix: all dimensions but the first must be one. */
function flatten(
  shape: readonly number[],
  strides: readonly number[],
): readonly [number, number] | undefined {
  const [rowStride = 1, ...rest] = strides
  const sizes = shape.slice(1)
  const wide = rest.map((stride, n) => ({ stride, size: sizes[n]! })).filter(({ size }) => size !== 1)
  for (let n = 1; n < wide.length; n++)
    if (wide[n - 1]!.stride !== wide[n]!.stride * wide[n]!.size) return undefined
  return [rowStride, wide.at(-1)?.stride ?? 1]
}

/** What older checkpoints and other pickles name, as far as they are pickles: tensors in them are not read. */
async function scanPickles(file: string, source: ByteSource): Promise<OpenedPart> {
  const bytes = await source.read(0, Math.min(source.size, pickleLimit))
  const globals = new Set<string>()
  const findings: Finding[] = []
  let at = 0
  try {
    for (let n = 0; n < sequenceLimit && at < bytes.length; n++) at = readPickle(bytes, at, globals).end
  } catch (error) {
    const finding = refusal(file, error)
    // After the pickles of a checkpoint its values follow, and a file may be something else altogether.
    if (at === 0 && (bytes[0] === protocolOpcode || globals.size > 0)) findings.push(finding)
  }
  const message = 'is no archive as torch writes them since 1.6: tensors in it are not read'
  findings.push({ kind: 'unsupported', file, message })
  return { tensors: [], findings: [...unsafe(file, globals), ...findings] }
}

function unsafe(file: string, globals: Iterable<string>): Finding[] {
  return [...globals]
    .filter(global => !isHarmless(global))
    .map(global => ({
      kind: 'unsafe',
      file,
      global,
      message: `names ${global}: loading it with pickle may run what that does`,
    }))
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 200))
}
