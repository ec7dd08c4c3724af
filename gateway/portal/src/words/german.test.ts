import assert from 'node:assert/strict'
import { test } from 'node:test'
import { german } from './german.ts'

const byRelease =
  'Commerce Services is not available if Microsoft Dynamics AX 2012 R3 is installed.'
const byCountry = 'Commerce Services is not available in CN.'

test('German tells the reason that the gateway gave, and no other', () => {
  assert.equal(
    german.availability(byRelease),
    'Commerce Services ist nicht verfügbar, wenn Microsoft Dynamics AX 2012 R3 installiert ist.',
  )
  assert.equal(
    german.availability(byCountry),
    'Commerce Services ist in diesem Land oder dieser Region (China) nicht verfügbar.',
  )
})

test('a refusal tells the same reason; without one that is known, it stays general', () => {
  const explained = german.problems.explain('FEATURE_NOT_AVAILABLE', byRelease)
  assert.equal(explained, german.availability(byRelease))
  assert.equal(
    german.problems.explain('FEATURE_NOT_AVAILABLE', 'Something new.'),
    'Dieser Dienst ist für Ihre Organisation nicht verfügbar.',
  )
})

test('one service and several agree with their verb', () => {
  const { lastAdministrator } = german.problems
  assert.match(lastAdministrator(['Commerce Services']), /^Commerce Services hätte keinen/)
  assert.match(
    lastAdministrator(['Commerce Services', 'Payment Services']),
    /^Commerce Services und Payment Services hätten keinen/,
  )
})
