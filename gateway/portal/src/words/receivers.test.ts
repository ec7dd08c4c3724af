import assert from 'node:assert/strict'
import { test } from 'node:test'
import { receiverInGerman } from './receivers.ts'

test('a reason within a reason is told in German, too', () => {
  const text =
    'Disabled: the receiver has failed for 5 days. The last reason: The receiver answered 503.'
  const german =
    'Der Empfänger war 5 Tage lang gestört. Zuletzt: Der Empfänger hat 503 geantwortet.'
  assert.equal(receiverInGerman(text), german)
})

test('an unknown reason stays as the gateway says it', () => {
  assert.equal(receiverInGerman('The moon was full.'), 'The moon was full.')
})
