import { expect, it } from 'vitest'
import { folderOf, newMachine } from './run.ts'
import { useHub } from './use-hub.ts'

const hub = useHub()

it('a kernel is pushed, versioned by a branch, and read back', async () => {
  const ada = await newMachine(hub().url, hub().token)
  const folder = await folderOf({ 'README.md': '---\nlicense: mit\n---\n# relu\n' })
  const told = await ada.python<Record<string, unknown>>('kernel', { name: 'relu', folder })
  expect(told).toEqual({
    url: `${hub().url}/kernels/ada/relu`,
    type: 'kernel',
    commitUrl: expect.stringContaining(`${hub().url}/kernels/ada/relu/commit/`),
    files: ['.gitattributes', 'README.md', 'build/kernel.py'],
    branches: ['main', 'v1'],
    read: ['print(2)', 'print(1)', 'print(2)'],
    snapshot: ['build/kernel.py'],
    info: ['ada/relu', 'ada', false, true],
    liked: 0,
    refused: [true, true],
  })
  const clone = await ada.run('git', ['clone', '-q', `${hub().url}/kernels/ada/relu`, 'relu'])
  expect(clone).toBe('')
})
