"""The loop for proposals that take time: requests are in flight while programs are scored.

Everything that changes the search happens in one thread, one journal entry after another:

    ask         a candidate made at once (a seed, or by the formula proposer)
    request     a question that is sent to a model
    reply       its answer, stored before anything is made of it
    turned_down an answer, or a program, that ends without an evaluation, and why
    evaluation  an outcome

The clock decides only which entry comes next. So a journal rebuilds the state exactly (`InFlight.rebuild`; a stored
reply is never paid twice), and a recorded run is repeated entry by entry without a network (`Replay`).
"""
