"""Run the service as if it were overloaded all the time, to measure what a refusal costs."""

from app.http import admission
from app.start import main

admission.MIN_OPEN = admission.MAX_OPEN = 0  # here, since processes that it starts import this too

if __name__ == "__main__":
    main()
