"""`python -m app`: the command `entente`."""

from app.start import main

main()
