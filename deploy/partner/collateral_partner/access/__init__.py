"""How clients reach a server, and by which credentials it knows them."""
