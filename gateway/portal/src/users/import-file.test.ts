import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOf } from './import-file.ts'

const blob = (...bytes: number[]) => new Blob([new Uint8Array(bytes)])

test('UTF-8 is read, with a mark or without', async () => {
  assert.deepEqual(await textOf(blob(0xc3, 0xa9)), { text: 'é' })
  assert.deepEqual(await textOf(blob(0xef, 0xbb, 0xbf, 0xc3, 0xa9)), { text: 'é' })
})

test('UTF-16 is read by its mark', async () => {
  assert.deepEqual(await textOf(blob(0xff, 0xfe, 0xe9, 0)), { text: 'é' })
  assert.deepEqual(await textOf(blob(0xfe, 0xff, 0, 0xe9)), { text: 'é' })
})

test('other encodings and large files are refused', async () => {
  assert.deepEqual(await textOf(blob(0x61, 0xe9, 0x61)), { problem: 'encoding' })
  assert.deepEqual(await textOf(new Blob(['x'.repeat(6_000_001)])), { problem: 'size' })
})
