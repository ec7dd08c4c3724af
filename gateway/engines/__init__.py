"""Tortoise's database clients, mended where one failure would break what comes after it."""
