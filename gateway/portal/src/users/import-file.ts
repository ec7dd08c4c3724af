// Reading a chosen file as text: the gateway takes text, so wrong bytes must be noticed here.

export type FileText = { text: string } | { problem: 'encoding' | 'size' | 'unreadable' }

/** As the gateway: ten thousand rows have about one and a half megabytes. */
const MAX_BYTES = 6_000_000

/** The file's text, if it is in UTF-8, with or without a mark, or in UTF-16 with one. */
export async function textOf(file: Blob): Promise<FileText> {
  if (file.size > MAX_BYTES) return { problem: 'size' }
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(await file.arrayBuffer())
  } catch {
    return { problem: 'unreadable' }
  }
  try {
    return { text: new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes) }
  } catch {
    return { problem: 'encoding' }
  }
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return 'utf-8'
}
