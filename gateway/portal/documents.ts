// Writes the manifest of this application's documents beside the built page: {"<SHA-256>": "text"}.
// The gateway trusts them, also where it runs trusted documents only.
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import * as generated from './src/graph/generated.ts'

const texts = Object.values(generated)
  .filter((value) => value instanceof generated.TypedDocumentString)
  .map((document) => document.toString())
  .filter((text) => /^\s*(query|mutation|subscription)\b/.test(text))

const manifest = Object.fromEntries(
  texts.map((text) => [createHash('sha256').update(text).digest('hex'), text]),
)

writeFileSync(
  new URL('../static/portal/documents.json', import.meta.url),
  `${JSON.stringify(manifest, null, 1)}\n`,
)
