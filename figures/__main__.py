from figures import gallery, script

script.run(gallery.main)
